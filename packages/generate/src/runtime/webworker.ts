// The inference thread of a browser: a Web Worker, so that the page stays free while ONNX Runtime computes.
import { serveWebWorker } from '@mdiff/workers/browser';
import type * as Ort from 'onnxruntime-web';
import { service } from './service.js';
import type { SessionOptions } from './session.js';

/** How the graphs are run. */
export interface Runtime {
  /** webgpu: on the GPU; wasm: on the processor, with SIMD */
  readonly device: 'webgpu' | 'wasm';
  /** of WebAssembly; more than one needs a page that is cross-origin isolated */
  readonly threads: number;
}

/** Where the files of ONNX Runtime lie, if the bundler has not put them beside its script: a folder that ends in `/`, or two addresses. */
export type OrtFiles = string | { readonly mjs?: string; readonly wasm?: string };

/** Argument of `prepare`, the first call. */
export interface PrepareArgs extends SessionOptions {
  readonly device: 'auto' | Runtime['device'];
  readonly ortFiles?: OrtFiles | undefined;
}

/** Argument of `open`, the next call. */
export interface OpenArgs extends PrepareArgs {
  readonly graph: Uint8Array;
  readonly causalGraph?: Uint8Array | undefined;
  /** columns of the logits */
  readonly vocab: number;
}

/** More threads than this gain nothing in a model of some megabytes. */
const MOST_THREADS = 4;

interface Browser {
  readonly navigator: {
    readonly hardwareConcurrency?: number;
    readonly gpu?: { requestAdapter(): Promise<object | null> };
  };
  readonly crossOriginIsolated?: boolean;
}
const { navigator, crossOriginIsolated } = globalThis as unknown as Browser;

const hasGpu = async (): Promise<boolean> => {
  try {
    return Boolean(await navigator.gpu?.requestAdapter());
  } catch {
    return false;
  }
};

function threadsFor(wanted: number): number {
  // Without isolation a page has no shared memory.
  if (!crossOriginIsolated) return 1;
  return wanted > 0 ? wanted : Math.max(1, Math.min(MOST_THREADS, Math.ceil((navigator.hardwareConcurrency ?? 1) / 2)));
}

interface Backend {
  readonly ort: typeof Ort;
  readonly runtime: Runtime;
}

async function loadOrt({ ortFiles, threads: wanted = 0 }: PrepareArgs, device: Runtime['device']): Promise<Backend> {
  // Each is 14 or 27 MB of WebAssembly, so only the one that runs is loaded.
  const ort = await (device === 'webgpu' ? import('onnxruntime-web/webgpu') : import('onnxruntime-web/wasm'));
  const threads = device === 'webgpu' ? 1 : threadsFor(wanted);
  ort.env.wasm.numThreads = threads;
  if (ortFiles !== undefined) ort.env.wasm.wasmPaths = ortFiles;
  ort.env.logLevel = 'fatal';
  const backend = { ort, runtime: { device, threads } };
  // The library loads its WebAssembly with the first graph, and so before it refuses this one.
  await create(backend, new Uint8Array(0)).catch((error: Error) => {
    if (error.message.startsWith('no available backend')) throw error;
  });
  return backend;
}

const create = (
  { ort, runtime }: Backend,
  graph: Uint8Array,
  more: Ort.InferenceSession.SessionOptions = {},
): Promise<Ort.InferenceSession> =>
  ort.InferenceSession.create(graph, {
    executionProviders: [runtime.device],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    ...more,
  });

async function openGraphs(backend: Backend, { graph, causalGraph }: OpenArgs) {
  return {
    session: await create(backend, graph),
    Tensor: backend.ort.Tensor,
    // Its weights are the bytes of the other graph.
    loadCausal: () => create(backend, causalGraph!, { externalData: [{ path: 'model.onnx', data: graph }] }),
    report: backend.runtime,
  };
}

let preparing: Promise<Backend> | undefined;

/** While the page fetches the model. */
async function prepare(args: PrepareArgs): Promise<void> {
  const { device } = args;
  const gpu = device === 'webgpu' || (device === 'auto' && (await hasGpu()));
  preparing = loadOrt(args, gpu ? 'webgpu' : 'wasm');
  // `open` says why it failed.
  await preparing.catch(() => undefined);
}

async function open(args: OpenArgs) {
  try {
    return await openGraphs(await preparing!, args);
  } catch (error) {
    const tried = await preparing!.catch(() => undefined);
    if (args.device !== 'auto' || tried?.runtime.device === 'wasm') throw error;
    // A driver may refuse what the adapter promised.
    return openGraphs(await loadOrt(args, 'wasm'), args);
  }
}

serveWebWorker({ ...service(open), prepare });
