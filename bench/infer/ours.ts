// The child process of `generate`: `node … ours.ts MODEL_FOLDER INPUTS float32|int8`. The same conversation as peers/infer_peer.py.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { generate, loadModel } from '@mdiff/generate';
import type { Precision } from '@mdiff/generate';
import type { InferInputs } from './inputs.js';

const [folder, file, precision] = process.argv.slice(2) as [string, string, Precision];
const { batch, threads, canvas, positions, sampling, prompt } = JSON.parse(readFileSync(file, 'utf8')) as InferInputs;
const model = await loadModel(folder, { threads, precision });

/** Mean of the logits' logarithms of sums, as the peers compute it. */
async function check(): Promise<number> {
  const V = model.config.vocab_size;
  const text = { canvas: Int32Array.from(canvas), positions: Int32Array.from(positions) };
  const logits = await model.denoise(Array.from({ length: batch }, () => text));
  let mean = 0;
  for (let from = 0; from < logits.length; from += V) {
    const row = logits.subarray(from, from + V).filter((_, id) => id !== model.config.mask_token_id);
    const most = row.reduce((a, b) => Math.max(a, b));
    mean += (Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0)) + most) / (logits.length / V);
  }
  return mean;
}

for await (const line of createInterface(process.stdin)) {
  const command = JSON.parse(line) as { check?: boolean; texts?: number };
  const ms: number[] = [];
  const losses = command.check ? [await check()] : [];
  for (let i = 0; i < (command.texts ?? 0); i++) {
    const begun = performance.now();
    const { texts } = await generate(model, { prompt, ...sampling, n: batch, seed: i });
    ms.push(performance.now() - begun);
    const nfe = texts.map((text) => text.nfe);
    if (nfe.some((passes) => passes !== sampling.numSteps)) throw new Error(`expected ${sampling.numSteps} passes, got ${nfe.join(', ')}`);
  }
  process.stdout.write(`${JSON.stringify({ ms, losses, peak_mb: 0 })}\n`);
}
await model.close();
