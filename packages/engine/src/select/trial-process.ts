import { readdirSync, readlinkSync, writeSync } from 'node:fs';
import type { Tensor2D } from '@tensorflow/tfjs';
import type { InferenceSession } from 'onnxruntime-node';
import { isGpuNode } from './gpu.js';
import { registerKernels } from '../tensorflow/fused.js';
import { loadTensorFlow, tensorflowVersion, usesGpu } from '../tensorflow/load.js';
import { answerLine } from './trial.js';
import type { Answer, Question } from './trial.js';

// The child process of probe.ts: loads one engine, checks a product, and measures how fast products are.

const SMALL = 64;
const LARGE = 2048;

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
  await multiply(a, b, n, false); // the first one packs and plans
  const began = performance.now();
  let products = 0;
  do {
    await multiply(a, b, n, false);
    products++;
  } while (performance.now() - began < seconds * 1000);
  return (products * 2 * n ** 3) / (performance.now() - began) / 1e6;
}

async function measure(version: string, device: Answer['device'], multiply: Multiply, seconds: number, began: number, n = LARGE): Promise<Answer> {
  const [a, b] = [values(SMALL, 1), values(SMALL, 2)];
  const product = (await multiply(a, b, SMALL, true))!;
  const start = performance.now() - began;
  return { version, device, error: errorOf(a, b, product, SMALL), start, ...(seconds > 0 && { gflops: await speed(multiply, seconds, n) }) };
}

async function tensorflow({ found, seconds, threads, kernels }: Question & { engine: 'tensorflow' }): Promise<Answer> {
  const began = performance.now();
  const tf = loadTensorFlow(found);
  // They register with the library that is loaded by now; one that cannot be loaded here ends this process, and no other.
  const products = kernels === undefined ? undefined : registerKernels(kernels, threads).products;
  const kept = new Map<Float32Array, ReturnType<typeof tf.tensor3d>>();
  // Three dimensions: tfjs-node gives two-dimensional products to another kernel, which knows no bfloat16.
  const put = (data: Float32Array, n: number): ReturnType<typeof tf.tensor3d> => {
    const tensor = kept.get(data) ?? tf.tensor3d(data, [1, n, n]);
    kept.set(data, tensor);
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
  return { ...(await measure(tensorflowVersion(tf), usesGpu(tf) ? 'gpu' : 'cpu', multiply, seconds, began)), ...(products !== undefined && { products }) };
}

async function onnxruntime({ device, threads, seconds }: Question & { engine: 'onnxruntime' }): Promise<Answer> {
  const began = performance.now();
  const ort = await import('onnxruntime-node');
  const tf = await import('@tensorflow/tfjs');
  const { trace, toOnnx } = await import('@mdiff/trace');
  tf.enableProdMode();
  const sessions = new Map<boolean, Promise<InferenceSession>>();
  const open = (keep: boolean): Promise<InferenceSession> => {
    const input = { shape: ['n', 'n'], dtype: 'float32' } as const;
    // Only the largest entry leaves the library when the time is measured: copying the product is not part of it.
    const graph = trace(({ a, b }) => ({ out: keep ? tf.matMul(a as Tensor2D, b as Tensor2D) : tf.max(tf.matMul(a as Tensor2D, b as Tensor2D)) }), { inputs: { a: input, b: input } });
    return ort.InferenceSession.create(toOnnx(graph), { executionProviders: [device], intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 3 });
  };
  const multiply: Multiply = async (a, b, n, keep) => {
    const session = sessions.get(keep) ?? open(keep);
    sessions.set(keep, session);
    const { out } = await (await session).run({ a: new ort.Tensor('float32', a, [n, n]), b: new ort.Tensor('float32', b, [n, n]) });
    return keep ? ((await out!.getData()) as Float32Array) : undefined;
  };
  const answer = await measure(ort.env.versions.node ?? ort.env.versions.common, device === 'cpu' ? 'cpu' : 'gpu', multiply, seconds, began);
  return device === 'webgpu' ? { ...answer, hardware: onHardware() } : answer;
}

/** A driver keeps the GPU's device file open; WebGPU itself does not say what it took. Metal has no software devices, Direct3D 12 has, and hides them. */
function onHardware(): boolean {
  if (process.platform !== 'linux') return process.platform === 'darwin';
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return isGpuNode(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false; // closed meanwhile, as the one that lists them
    }
  });
}

async function reference({ seconds }: Question & { engine: 'tfjs' }): Promise<Answer> {
  const began = performance.now();
  const tf = await import('@tensorflow/tfjs');
  tf.enableProdMode();
  await tf.setBackend('cpu');
  const multiply: Multiply = async (a, b, n) => {
    const product = tf.tidy(() => tf.matMul(tf.tensor2d(a, [n, n]), tf.tensor2d(b, [n, n])));
    const data = await product.data();
    product.dispose();
    return data as Float32Array;
  };
  return measure(tf.version.tfjs, 'cpu', multiply, seconds, began, 256); // a larger one takes plain JavaScript minutes
}

const ways = { tensorflow, onnxruntime, tfjs: reference } as unknown as Record<Question['engine'], (question: Question) => Promise<Answer>>;

const question = JSON.parse(process.argv[2]!) as Question;
try {
  writeSync(1, answerLine({ ok: true, answer: await ways[question.engine](question) }));
} catch (error) {
  writeSync(1, answerLine({ ok: false, reason: (error as Error).message.split('\n')[0]! }));
}
