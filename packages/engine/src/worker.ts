import { tf } from '@mdiff/model';
import type { TrainState } from './state.js';
import type { Core, StepBatch, Update, WorkerOptions } from './engine.js';
import { exportedOnnx } from './passes/graphs.js';
import { onnxRuntimeCore } from './onnxruntime/core.js';
import { phases } from './passes/phases.js';
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
let core: Core;

serveWorker({
  open: async (given: WorkerOptions) => {
    // In production mode tfjs prints no advertisement for its Node backend. It mostly only records here.
    tf.enableProdMode();
    await tf.setBackend('cpu');
    options = given;
    core = await cores[given.engine](given);
    return { layout: core.layout };
  },
  grads: (batch: StepBatch) => core.grads(batch),
  gradient: async () => {
    const flat = await core.gradient();
    return new Moved(flat, [flat.buffer as ArrayBuffer]);
  },
  apply: ({ update, gradient }: { update: Update; gradient?: Float32Array }) => core.apply(update, gradient),
  step: (argument: { batches: readonly StepBatch[]; update: Update }) => core.step(argument),
  evaluate: async (batch: StepBatch) => {
    const ce = await core.evaluate(batch);
    return new Moved(ce, [ce.buffer as ArrayBuffer]);
  },
  read: async () => {
    const copy = await core.read();
    return new Moved(
      copy,
      Object.values(copy).map(({ buffer }: Float32Array) => buffer as ArrayBuffer),
    );
  },
  load: (state: TrainState) => core.load(state),
  resetMoments: () => core.resetMoments(),
  startup: () => phases(),
  exportOnnx: ({ params, causal }: { params: Float32Array; causal: boolean }) => {
    const graphs = exportedOnnx(options.model, core.layout, params, { causal });
    return new Moved(
      graphs,
      Object.values(graphs).map(({ buffer }: Uint8Array) => buffer as ArrayBuffer),
    );
  },
});
