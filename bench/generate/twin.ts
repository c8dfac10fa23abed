/** The autoregressive twin in PyTorch: the same weights under the causal mask, with a key/value cache (peers/torch_twin.py). */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Model } from '@mdiff/generate';
import { ENOUGH, ROUNDS, TEMPERATURE, TOP_P, type Written } from './frontier.js';

/** Logarithms of probabilities of the two may differ by so much: both compute in float32. */
const CLOSE = 1e-3;

interface TwinArgs {
  python: string;
  folder: string;
  model: Model;
  batches: readonly number[];
  tokens: number;
  /** 0 = the better of one and PyTorch's own choice, for each batch */
  threads: number;
}

/** Throws if the twin gives a text other probabilities than the causal graph of the folder does. */
export async function writeWithTwin({ python, folder, model, batches, tokens, threads }: TwinArgs): Promise<Written[]> {
  const { bos } = model.tokenizer.special;
  const check = [bos, ...model.tokenizer.encode('The captain stood upon the deck, and looked out over the sea.')];
  const request = {
    temperature: TEMPERATURE,
    top_p: TOP_P,
    tokens,
    batches,
    threads: threads === 0 ? [1, 0] : [threads],
    seed: 1,
    check,
    enough: ENOUGH,
    rounds: ROUNDS,
  };
  const script = fileURLToPath(new URL('peers/torch_twin.py', import.meta.url));
  const child = spawnSync(python, [script, folder], { input: JSON.stringify(request), encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (child.status !== 0) throw new Error(`the twin in PyTorch failed: ${child.stderr.trim().split('\n').at(-1)}`);
  const [logs, ...written] = child.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  const own = await nextTokenLogs(model, check);
  const differs = Math.max(...own.map((log, i) => Math.abs(log - (logs as number[])[i]!)));
  if (!(differs < CLOSE)) throw new Error(`the twin in PyTorch differs from onnx/causal.onnx by ${differs} in a log-probability`);
  console.log(
    `the twin in PyTorch gives ${own.length} tokens the log-probabilities of onnx/causal.onnx within ${differs.toExponential(1)}`,
  );
  return (written as Written[]).map((one) => ({ ...one, nfe: tokens }));
}

/** ln p of each token given those before it, by the causal graph of the folder. */
async function nextTokenLogs({ openWriter }: Model, ids: readonly number[]): Promise<number[]> {
  const writer = await openWriter!({ batch: 1, places: ids.length });
  const logs: number[] = [];
  for (const [i, id] of ids.slice(0, -1).entries()) {
    const logits = await writer.next({ ids: Int32Array.of(id), length: 1 });
    const max = logits.reduce((top, value) => Math.max(top, value), -Infinity);
    const total = logits.reduce((sum, value) => sum + Math.exp(value - max), 0);
    logs.push(logits[ids[i + 1]!]! - max - Math.log(total));
  }
  await writer.close();
  return logs;
}
