import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectConfig } from '@mdiff/config';
import { tfidfSvd } from '@mdiff/curriculum/scores';
import { tf } from '@mdiff/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { config, D, H, L, P, parts, place, weights } from './bert.test.util.js';
import { embedderOf } from '@mdiff/prepare';
import { buildEncoder } from './build.js';
import { onnxEmbedder } from '@mdiff/prepare';
import { writeSafetensors } from '@mdiff/folder';

// The published network again in doubles, a sentence at a time.
const get = (name: string) => weights.find((tensor) => tensor.name === name)!.data;

function reference(ids: readonly number[]): number[] {
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
  const add = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value + b[i]!);
  const linear = (x: number[], name: string) =>
    Array.from(get(`${name}.bias`), (bias, o) => bias + dot(x, get(`${name}.weight`).subarray(o * x.length, (o + 1) * x.length)));
  const norm = (x: number[], name: string) => {
    const mean = x.reduce((a, b) => a + b) / D;
    const scale = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / D + config.layer_norm_eps);
    return x.map((value, i) => ((value - mean) / scale) * get(`${name}.weight`)[i]! + get(`${name}.bias`)[i]!);
  };
  // Simpson's rule on the density: the distribution function to ten digits.
  const phi = (x: number) => {
    const n = 2000;
    const h = x / n;
    const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
    let sum = density(0) + density(x);
    for (let i = 1; i < n; i++) sum += (i % 2 ? 4 : 2) * density(i * h);
    return 0.5 + (sum * h) / 3;
  };
  const row = (name: string, i: number) => Array.from(get(`embeddings.${name}_embeddings.weight`).subarray(i * D, (i + 1) * D));
  let x = ids.map((id, s) => norm(add(add(row('word', id), row('position', s)), row('token_type', 0)), 'embeddings.LayerNorm'));
  for (let layer = 0; layer < L; layer++) {
    const at = `encoder.layer.${layer}`;
    const [q, k, v] = ['query', 'key', 'value'].map((part) => x.map((own) => linear(own, `${at}.attention.self.${part}`))) as [
      number[][],
      number[][],
      number[][],
    ];
    const K = D / H;
    const mixed = q.map((query) =>
      Array.from({ length: H }, (_, h) => {
        const part = (all: readonly number[]) => all.slice(h * K, (h + 1) * K);
        const scores = k.map((key) => Math.exp(dot(part(query), part(key)) / Math.sqrt(K)));
        const total = scores.reduce((a, b) => a + b);
        return Array.from(
          { length: K },
          (__, j) =>
            dot(
              scores,
              v.map((value) => part(value)[j]!),
            ) / total,
        );
      }).flat(),
    );
    x = x.map((own, s) => norm(add(own, linear(mixed[s]!, `${at}.attention.output.dense`)), `${at}.attention.output.LayerNorm`));
    x = x.map((own) =>
      norm(
        add(
          own,
          linear(
            linear(own, `${at}.intermediate.dense`).map((value) => value * phi(value)),
            `${at}.output.dense`,
          ),
        ),
        `${at}.output.LayerNorm`,
      ),
    );
  }
  const sum = x.reduce(add);
  return sum.map((value) => value / Math.sqrt(dot(sum, sum)));
}

const sentences = [
  'The captain saw the whale.',
  'Sea.',
  'The ship saw the sea. The sea saw the ship. The ship saw the captain. The end.',
  'The captain saw the ship.',
];
const tokens = [
  [2, 4, 9, 10, 7, 4, 5, 11, 3],
  [2, 6, 11, 3],
];

let folder: string;
let built: string;
const source = (files: Record<string, string | Uint8Array>) => (name: string) => place(folder, name, files);
beforeAll(async () => {
  tf.enableProdMode(); // tfjs would print an advertisement
  folder = await mkdtemp(join(tmpdir(), 'mdiff-encoder-'));
  built = join(folder, 'models', 'tiny');
  await buildEncoder(await source(parts)('hub'), built);
});
afterAll(() => rm(folder, { recursive: true }));

describe('an encoder from Hugging Face weights', () => {
  it('gives the mean-pooled vectors of BERT, whatever the batch', async () => {
    const { data, dimensions } = await (await onnxEmbedder('tiny', built, 1)).embed(sentences);
    expect(dimensions).toBe(D);
    // float32 through two layers against doubles.
    tokens.forEach((ids, i) => reference(ids).forEach((value, j) => expect(data[i * D + j]).toBeCloseTo(value, 4)));
    const alone = await (await onnxEmbedder('tiny', built, 1)).embed([sentences[1]!]);
    alone.data.forEach((value, j) => expect(data[D + j]).toBeCloseTo(value, 5));
  });

  it('cuts only where the positions end', async () => {
    // With the tokenizer.json as it came, which cuts at 4 tokens and pads to 16.
    const exported = await source({ ...parts, 'onnx/model.onnx': await readFile(join(built, 'onnx/model.onnx')) })('exported');
    const { data } = await (await onnxEmbedder('tiny', exported, 1)).embed(sentences);
    const long = [2, 4, 8, 7, 4, 6, 11, 4, 6, 7, 4, 8, 11, 4, 8, 7, 4, 9, 10, 3];
    expect(long).toHaveLength(P);
    reference(long).forEach((value, j) => expect(data[2 * D + j]).toBeCloseTo(value, 4));
  });

  it('gives nearly the same vectors with products of 8 bits', async () => {
    const small = join(folder, 'models', 'tiny-int8');
    await buildEncoder(await source(parts)('hub'), small, { int8: true });
    const vectors = async (at: string) => (await (await onnxEmbedder('tiny', at, 1)).embed(sentences)).data;
    const [whole, rounded] = [await vectors(built), await vectors(small)];
    const cosines = sentences.map((_, i) =>
      whole.slice(i * D, (i + 1) * D).reduce((sum, value, j) => sum + value * rounded[i * D + j]!, 0),
    );
    expect(Math.min(...cosines)).toBeGreaterThan(0.99);
    expect(rounded).not.toEqual(whole);
  });

  it('is found as a folder, or by its name in the cache', async () => {
    const of = async (embedding_model: string) =>
      (await embedderOf(projectConfig({ cache_dir: folder, curriculum: { embedding_model } }), tfidfSvd)).embedder;
    const [one, other] = [await of(built), await of('tiny')];
    expect([one.name, other.name]).toEqual([built, 'tiny']);
    expect(one.version).toBe(other.version);
  });
});

describe('a folder that will not do', () => {
  const refused = (pattern: RegExp) =>
    expect.objectContaining({ code: 'MDIFF_EMBEDDINGS', exitCode: 2, message: expect.stringMatching(pattern) as string });
  it('is named with its file', async () => {
    const rest = { 'config.json': parts['config.json'], 'tokenizer.json': parts['tokenizer.json'] };
    await expect(buildEncoder(await source(rest)('no-weights'), join(folder, 'x'))).rejects.toThrow(
      refused(/no-weights.model\.safetensors: expected a readable file, got ENOENT/),
    );
    const other = { ...parts, 'config.json': JSON.stringify({ ...config, model_type: 'roberta' }) };
    await expect(buildEncoder(await source(other)('roberta'), join(folder, 'x'))).rejects.toThrow(
      refused(/config\.json: expected model_type "bert".*got \["roberta","gelu"\]/),
    );
    const few = { ...parts, 'model.safetensors': writeSafetensors(weights.slice(0, 9)) };
    await expect(buildEncoder(await source(few)('few'), join(folder, 'x'))).rejects.toThrow(
      refused(/expected the tensor encoder\.layer\.0/),
    );
    const damaged = { ...parts, 'onnx/model.onnx': (await readFile(join(built, 'onnx/model.onnx'))).subarray(0, 100) };
    await expect((await onnxEmbedder('d', await source(damaged)('damaged'), 1)).embed(sentences)).rejects.toThrow(
      refused(/model\.onnx: expected an ONNX encoder, got/),
    );
  });
});
