import type { EngineName } from './devices.js';
import type { Engine, EngineOptions, OpenResult, WorkerOptions } from './engine.js';
import { tensorflowEnvironment } from './tensorflow/environment.js';
import { preloadTensorFlow } from './tensorflow/load.js';
import { partsFor } from './parts.js';
import { borrowWorker, startProcess, startWorker, usableThreads } from '@mdiff/workers';

// The table of engines, and how each is opened.

/** The number of threads for `hardware.cpu_threads`: 0 is all that this process can keep busy. */
export const allThreads = (cpuThreads: number): number => cpuThreads || usableThreads();

/** The number of threads that an engine computes on. The reference uses one. */
export const threadsOf = (engine: EngineName, cpuThreads: number): number => (engine === 'tfjs' ? 1 : allThreads(cpuThreads));

const inWorker =
  (engine: EngineName) =>
  async (options: EngineOptions): Promise<Engine> => {
    const threads = threadsOf(engine, options.threads);
    const entry = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
    // All threads of a process share one WebGPU device, and the process ends if two use it at once. So each engine on WebGPU is a process.
    // Native TensorFlow keeps variables and graphs for the life of its thread; the other two free all that they hold.
    const start = options.device === 'webgpu' ? startProcess : engine === 'tfjs_node' ? startWorker : borrowWorker;
    const remote = start(entry, { env: { ORT_DISABLE_TELEMETRY: '1' } });
    try {
      const { layout } = await remote.call<OpenResult>('open', { ...options, engine, threads } satisfies WorkerOptions);
      return {
        name: engine,
        threads,
        layout,
        grads: (batch) => remote.call('grads', batch),
        gradient: () => remote.call('gradient'),
        take: () => remote.call('take'),
        apply: (update, gradient, given) =>
          remote.call('apply', { update, gradient }, given === true && gradient ? [gradient.buffer as ArrayBuffer] : []),
        step: (batches, update) => remote.call('step', { batches, update }),
        evaluate: (batch) => remote.call('evaluate', batch),
        read: () => remote.call('read'),
        load: (state) => remote.call('load', state),
        resetMoments: () => remote.call('resetMoments'),
        exportOnnx: (params, causal) => remote.call('exportOnnx', { params, causal }),
        startup: () => remote.call('startup'),
        close: () => remote.close(),
      };
    } catch (error) {
      await remote.close();
      throw error;
    }
  };

/** The traced step as an ONNX graph in onnxruntime-node; in a worker thread, because `run()` blocks. */
export const openOnnxRuntime = inWorker('onnxruntime');

/** The reference: tfjs-cpu computes the same step eagerly on one thread, hundreds of times slower. */
const openTfjs = inWorker('tfjs');

const inTensorFlow = inWorker('tfjs_node');

/** The traced step as a SavedModel that keeps the state, in native TensorFlow through tfjs-node(-gpu). `options.tensorflow` is the library. */
export const openTensorFlow = (options: EngineOptions): Promise<Engine> => {
  const { tensorflow } = options;
  const device = options.device === 'cuda' ? 'cuda' : 'cpu';
  const threads = threadsOf('tfjs_node', options.threads);
  if (tensorflow) {
    Object.assign(process.env, tensorflowEnvironment(tensorflow, { device, threads, parts: device === 'cuda' ? 1 : partsFor(threads) }));
    preloadTensorFlow(tensorflow);
  }
  return inTensorFlow(options);
};

/** Engines by the name in the configuration. */
export const engines: Readonly<Record<string, (options: EngineOptions) => Promise<Engine>>> = {
  onnxruntime: openOnnxRuntime,
  tfjs_node: openTensorFlow,
  tfjs: openTfjs,
};
