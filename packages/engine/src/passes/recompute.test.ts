import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelConfig } from '@mdiff/config';
import { initParams, layout as layoutOf } from '@mdiff/model';
import { resultsInOrder, toOnnx } from '@mdiff/trace';
import { tf } from '@mdiff/model';
import * as ort from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { feedsOf } from './feeds.js';
import type { Feeds } from './feeds.js';
import { passGraph } from './graphs.js';

// Recomputed blocks in ONNX Runtime: its profile lists the operators that ran, in order, with the bytes in use.

const blocks = 6;
const model = modelConfig({
  d_model: 32,
  n_layers: blocks,
  n_heads: 2,
  d_ff: 96,
  vocab_size: 100,
  max_seq_len: 64,
  dropout: 0,
  attention_dropout: 0,
  conv_width: 3,
  tie_embeddings: true,
});
const [B, S] = [2, 64];
const layout = layoutOf(model);
const flat = initParams({ ...model, init_std: 0.2 }, 3);
const tokens = Int32Array.from({ length: B * S }, (_, i) => 5 + ((i * 37) % 90));
const rows = Int32Array.from({ length: 40 }, (_, i) => 3 * i);
const feeds: Feeds = {
  ...feedsOf({
    B,
    S,
    rows,
    ids: tokens.map((id, i) => (i % 3 ? id : 0)),
    segments: new Int32Array(B * S).fill(1),
    positions: Int32Array.from({ length: B * S }, (_, i) => i % S),
    causal: 0,
    targets: rows.map((row) => tokens[row]!),
    weights: new Float32Array(rows.length).fill(1 / rows.length),
  }),
  ...Object.fromEntries(
    layout.params.map(({ name, shape, offset, size }) => [
      name,
      { type: 'float32' as const, data: flat.subarray(offset, offset + size), shape },
    ]),
  ),
};

interface Profile {
  outputs: Record<string, Float32Array>;
  /** in the order in which they ran */
  operators: string[];
  /** largest number of bytes in use after an operator */
  peak: number;
}

async function profiled(checkpointing: boolean): Promise<Profile> {
  const folder = await mkdtemp(join(tmpdir(), 'mdiff-profile-'));
  try {
    // As onnxruntime/core.ts does it, and profiled.
    const graph = resultsInOrder(passGraph({ kind: 'train', B, S, masks: {} }, { model, labelSmoothing: 0, checkpointing }, layout));
    const session = await ort.InferenceSession.create(toOnnx(graph, { contrib: true }), {
      intraOpNumThreads: 1,
      enableMemPattern: false,
      logSeverityLevel: 3,
      enableProfiling: true,
      profileFilePrefix: join(folder, 'run'),
    });
    const outputs = await session.run(
      Object.fromEntries(
        session.inputNames.map((name) => [name, new ort.Tensor(feeds[name]!.type, feeds[name]!.data, feeds[name]!.shape)]),
      ),
    );
    session.endProfiling();
    const [file] = await readdir(folder);
    const events = JSON.parse(await readFile(join(folder, file!), 'utf8')) as { name: string; cat: string; args: Record<string, string> }[];
    const ran = events.filter(({ name, cat }) => cat === 'Node' && name.endsWith('_kernel_time')).map(({ args }) => args);
    return {
      outputs: Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array])),
      operators: ran.map(({ op_name: operator }) => operator!),
      peak: Math.max(...ran.map(({ mem_bytes_in_use: bytes }) => Number(bytes))),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('recomputed blocks in ONNX Runtime', () => {
  let kept: Profile;
  let recomputed: Profile;
  beforeAll(async () => {
    await tf.setBackend('cpu');
    kept = await profiled(false);
    recomputed = await profiled(true);
  });

  it('give the same loss and gradients', () => {
    expect(Object.keys(recomputed.outputs)).toEqual(Object.keys(kept.outputs));
    for (const [name, values] of Object.entries(kept.outputs)) expect(recomputed.outputs[name], name).toEqual(values);
  });

  it('are computed a second time: ONNX Runtime does not merge them with the originals', () => {
    const count = ({ operators }: Profile, operator: string): number => operators.filter((name) => name === operator).length;
    // One softmax in each attention, one in the cross-entropy.
    expect([kept, recomputed].map((ran) => count(ran, 'Softmax'))).toEqual([blocks + 1, 2 * blocks + 1]);
    // Recomputed products: query, key, value, scores, their mixture, output, gate and up.
    expect(count(recomputed, 'MatMul') - count(kept, 'MatMul')).toBeGreaterThanOrEqual(8 * blocks);
  });

  it('are computed late, and free their memory before the next block', () => {
    const { operators } = recomputed;
    const softmaxes = operators.flatMap((name, i) => (name === 'Softmax' ? [i] : [])).slice(blocks + 1);
    const products = softmaxes.map((from, i) => operators.slice(from, softmaxes[i + 1]).filter((name) => name.endsWith('MatMul')).length);
    // Between the attentions of two blocks lie both gradients of the first block's seven weights. A forward pass alone has eight products.
    expect(Math.min(...products)).toBeGreaterThanOrEqual(14);
  });

  it('lower the peak', () => {
    // One block of six stays in memory, with its gradients, the inputs of the blocks, and everything outside them.
    expect(recomputed.peak / kept.peak).toBeLessThan(0.55);
  });
});
