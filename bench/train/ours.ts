// The child process of our engines: `node … ours.ts FOLDER ENGINE`. The same conversation as peers/peer.py.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';
import { toOnnx, trace } from '@mdiff/trace';
import { engines } from '@mdiff/engine';
import type { StepBatch } from '@mdiff/engine';
import { peakMb } from '../shared/peak.js';
import { SEED, batchesOf } from './sizes.js';
import type { Inputs } from './inputs.js';

const [folder, name, precision] = process.argv.slice(2) as [string, string, string?];
const { model, update, threads, batches: count, tensorflow } = JSON.parse(readFileSync(join(folder, 'ours.json'), 'utf8')) as Inputs;
const batches: StepBatch[] = batchesOf(model, count);
const engine = await engines[name]!({
  model,
  threads,
  labelSmoothing: 0,
  seed: SEED,
  mixedPrecision: precision === 'bf16',
  ...(tensorflow && { tensorflow }),
});
let done = 0;

let multiply: (() => Promise<unknown>) | undefined;
async function product(n: number): Promise<() => Promise<unknown>> {
  tf.enableProdMode();
  await tf.setBackend('cpu');
  const graph = trace(({ a, b }) => ({ c: tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D) }), {
    inputs: { a: { shape: [n, n], dtype: 'float32' }, b: { shape: [n, n], dtype: 'float32' } },
  });
  const session = await ort.InferenceSession.create(toOnnx(graph), {
    intraOpNumThreads: engine.threads,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const matrix = new ort.Tensor('float32', new Float32Array(n * n).fill(1), [n, n]);
  return () => session.run({ a: matrix, b: matrix });
}

for await (const line of createInterface(process.stdin)) {
  const { steps = 0, gemm = 0, repeats = 0 } = JSON.parse(line) as { steps?: number; gemm?: number; repeats?: number };
  const ms: number[] = [];
  const losses: number[] = [];
  const timed = async (work: () => Promise<unknown>): Promise<void> => {
    const begun = performance.now();
    await work();
    ms.push(performance.now() - begun);
  };
  for (let i = 0; i < steps; i++) {
    await timed(async () => {
      const result = await engine.step([batches[done % batches.length]!], { ...update, step: done + 1 });
      losses.push(result.loss);
    });
    done++;
  }
  if (gemm > 0) {
    multiply ??= await product(gemm);
    await multiply();
    for (let i = 0; i < repeats; i++) await timed(multiply);
  }
  process.stdout.write(`${JSON.stringify({ ms, losses, peak_mb: peakMb(), startup: await engine.startup() })}\n`);
}
await engine.close();
