import { readdirSync, readlinkSync, writeSync } from 'node:fs';
import type { Tensor2D } from '@tensorflow/tfjs';
import type { InferenceSession } from 'onnxruntime-node';
import { isGpuNode } from './gpu.js';
import { registerKernels } from '../tensorflow/fused.js';
import { loadTensorFlow, tensorflowVersion, usesGpu } from '../tensorflow/load.js';
import { timeSteps } from './steps.js';
import { outcomeLine } from './trial.js';
import type { StepTrial, Trial, TrialReport } from './trial.js';

// The child process of trial.ts: loads one engine, checks a matrix product, and measures how fast products are.

const SMALL = 64;
const LARGE = 2048;

/** The product of two n × n matrices; `keep` false: only its time matters. */
type Multiply = (a: Float32Array, b: Float32Array, n: number, keep: boolean) => Promise<Float32Array | undefined>;

/** Values in [-1, 1) of a linear congruential sequence: the same everywhere. */
function values(n: number, seed: number): Float32Array {
  const out = new Float32Array(n * n);
  let state = seed >>> 0;
  for (let i = 0; i < out.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = state / 2 ** 31 - 1;
  }
  return out;
}

/** max |AB − exact| / max |exact| */
function errorOf(a: Float32Array, b: Float32Array, product: Float32Array, n: number): number {
  let [off, scale] = [0, 0];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let exact = 0;
      for (let k = 0; k < n; k++) exact += a[i * n + k]! * b[k * n + j]!;
      off = Math.max(off, Math.abs(product[i * n + j]! - exact));
      scale = Math.max(scale, Math.abs(exact));
    }
  }
  return off / scale;
}

async function speed(multiply: Multiply, seconds: number, n: number): Promise<number> {
  const [a, b] = [values(n, 3), values(n, 4)];
  await multiply(a, b, n, false); // the first product packs and plans
  const began = performance.now();
  let products = 0;
  do {
    await multiply(a, b, n, false);
    products++;
  } while (performance.now() - began < seconds * 1000);
  return (products * 2 * n ** 3) / (performance.now() - began) / 1e6;
}

interface Measurement extends Pick<TrialReport, 'version' | 'device'> {
  multiply: Multiply;
  seconds: number;
  /** when the library began to load */
  began: number;
  /** size of the matrices whose products are timed */
  n?: number;
}

async function measure({ version, device, multiply, seconds, began, n = LARGE }: Measurement): Promise<TrialReport> {
  const [a, b] = [values(SMALL, 1), values(SMALL, 2)];
  const product = (await multiply(a, b, SMALL, true))!;
  const start = performance.now() - began;
  return {
    version,
    device,
    error: errorOf(a, b, product, SMALL),
    start,
    ...(seconds > 0 && { gflops: await speed(multiply, seconds, n) }),
  };
}

async function tensorflow({ library, seconds, threads, kernels }: Trial & { engine: 'tensorflow' }): Promise<TrialReport> {
  const began = performance.now();
  const tf = loadTensorFlow(library);
  // The kernels register with the loaded library. If they cannot be loaded, only this process ends.
  const variants = kernels === undefined ? undefined : registerKernels(kernels, threads).variants;
  const tensors = new Map<Float32Array, ReturnType<typeof tf.tensor3d>>();
  // Three dimensions: tfjs-node gives two-dimensional products to another kernel, which has no bfloat16.
  const put = (data: Float32Array, n: number): ReturnType<typeof tf.tensor3d> => {
    const tensor = tensors.get(data) ?? tf.tensor3d(data, [1, n, n]);
    tensors.set(data, tensor);
    return tensor;
  };
  const multiply: Multiply = async (a, b, n, keep) => {
    const product = tf.matMul(put(a, n), put(b, n));
    try {
      return keep ? ((await product.data()) as Float32Array) : undefined;
    } finally {
      product.dispose();
    }
  };
  return {
    ...(await measure({ version: tensorflowVersion(tf), device: usesGpu(tf) ? 'gpu' : 'cpu', multiply, seconds, began })),
    ...(variants && { variants }),
  };
}

async function onnxruntime({ device, threads, seconds }: Trial & { engine: 'onnxruntime' }): Promise<TrialReport> {
  const began = performance.now();
  const ort = await import('onnxruntime-node');
  const { tf } = await import('@mdiff/model');
  const { trace, toOnnx } = await import('@mdiff/trace');
  tf.enableProdMode();
  const sessions = new Map<boolean, Promise<InferenceSession>>();
  const open = (keep: boolean): Promise<InferenceSession> => {
    const input = { shape: ['n', 'n'], dtype: 'float32' } as const;
    // When the time is measured only the largest entry leaves the library, so that copying the product does not count.
    const graph = trace(
      ({ a, b }) => ({ out: keep ? tf.matMul(a as Tensor2D, b as Tensor2D) : tf.max(tf.matMul(a as Tensor2D, b as Tensor2D)) }),
      { inputs: { a: input, b: input } },
    );
    return ort.InferenceSession.create(toOnnx(graph), {
      executionProviders: [device],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
  };
  const multiply: Multiply = async (a, b, n, keep) => {
    const session = sessions.get(keep) ?? open(keep);
    sessions.set(keep, session);
    const { out } = await (await session).run({ a: new ort.Tensor('float32', a, [n, n]), b: new ort.Tensor('float32', b, [n, n]) });
    return keep ? ((await out!.getData()) as Float32Array) : undefined;
  };
  const version = ort.env.versions.node ?? ort.env.versions.common;
  const report = await measure({ version, device: device === 'cpu' ? 'cpu' : 'gpu', multiply, seconds, began });
  return device === 'webgpu' ? { ...report, hardware: onHardware() } : report;
}

/**
 * True if a GPU computes. WebGPU does not say which device it took, but a driver keeps the GPU's device file open. Metal has no software
 * devices; Direct3D 12 has, and hides them.
 */
function onHardware(): boolean {
  if (process.platform !== 'linux') return process.platform === 'darwin';
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return isGpuNode(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false; // closed since the listing, as the listing's own
    }
  });
}

async function reference({ seconds }: Trial & { engine: 'tfjs' }): Promise<TrialReport> {
  const began = performance.now();
  const { tf } = await import('@mdiff/model');
  tf.enableProdMode();
  await tf.setBackend('cpu');
  const multiply: Multiply = async (a, b, n) => {
    const product = tf.tidy(() => tf.matMul(tf.tensor2d(a, [n, n]), tf.tensor2d(b, [n, n])));
    const data = await product.data();
    product.dispose();
    return data as Float32Array;
  };
  // Plain JavaScript takes minutes for a larger product.
  return measure({ version: tf.version.tfjs, device: 'cpu', multiply, seconds, began, n: 256 });
}

const trials = { tensorflow, onnxruntime, tfjs: reference } as unknown as Record<Trial['engine'], (trial: Trial) => Promise<TrialReport>>;

const trial = JSON.parse(process.argv[2]!) as Trial | StepTrial;
try {
  const report = await ('setting' in trial ? timeSteps(trial) : trials[trial.engine](trial));
  writeSync(1, outcomeLine({ ok: true, report }));
} catch (error) {
  writeSync(1, outcomeLine({ ok: false, reason: (error as Error).message.split('\n')[0]! }));
}
