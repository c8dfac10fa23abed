import { tf } from '@mdiff/model';
import type { TrainState } from './state.js';
import type { Core, StepBatch, Update, WorkerOptions } from './engine.js';
import { exportedOnnx } from './passes/graphs.js';
import { onnxRuntimeCore } from './onnxruntime/core.js';
import { phases, resetPhases } from './passes/phases.js';
import { Moved, serveWorker } from '@mdiff/workers';
import { tensorflowCore } from './tensorflow/core.js';
import { tfjsCore } from './tfjs/core.js';
import { webgpuCore } from './onnxruntime/webgpu.js';

// The thread of an engine. `open` makes the core, which answers the other calls.

const cores: Record<WorkerOptions['engine'], (options: WorkerOptions) => Core | Promise<Core>> = {
  onnxruntime: (options) => (options.device === 'webgpu' ? webgpuCore : onnxRuntimeCore)(options),
  tfjs: tfjsCore,
  tfjs_node: tensorflowCore,
};

let options: WorkerOptions;
let core: Core | undefined;
const opened = (): Core => core!;

serveWorker({
  open: async (given: WorkerOptions) => {
    // In production mode tfjs prints no advertisement for its Node backend. It mostly only records here.
    tf.enableProdMode();
    await tf.setBackend('cpu');
    resetPhases();
    options = given;
    core = await cores[given.engine](given);
    return { layout: core.layout };
  },
  grads: (batch: StepBatch) => opened().grads(batch),
  gradient: async () => {
    const flat = await opened().gradient();
    return new Moved(flat, [flat.buffer as ArrayBuffer]);
  },
  take: async () => {
    const flat = await opened().take();
    return new Moved(flat, [flat.buffer as ArrayBuffer]);
  },
  apply: ({ update, gradient }: { update: Update; gradient?: Float32Array }) => opened().apply(update, gradient),
  step: (argument: { batches: readonly StepBatch[]; update: Update }) => opened().step(argument),
  evaluate: async (batch: StepBatch) => {
    const ce = await opened().evaluate(batch);
    return new Moved(ce, [ce.buffer as ArrayBuffer]);
  },
  read: async () => {
    const copy = await opened().read();
    return new Moved(
      copy,
      Object.values(copy).map(({ buffer }: Float32Array) => buffer as ArrayBuffer),
    );
  },
  load: (state: TrainState) => opened().load(state),
  resetMoments: () => opened().resetMoments(),
  startup: () => phases(),
  /** @returns false if the thread must end to free what the engine holds */
  end: async () => {
    const freed = core?.end?.();
    core = undefined;
    await freed;
    return freed !== undefined;
  },
  exportOnnx: ({ params, causal }: { params: Float32Array; causal: boolean }) => {
    const graphs = exportedOnnx(options.model, opened().layout, params, { causal });
    return new Moved(
      graphs,
      Object.values(graphs).map(({ buffer }: Uint8Array) => buffer as ArrayBuffer),
    );
  },
});
