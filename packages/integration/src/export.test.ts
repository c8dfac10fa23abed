import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { projectConfig } from '@mdiff/config';
import type { ModelConfig, ProjectConfig, ProjectInput } from '@mdiff/config';
import { stream } from '@mdiff/diffusion';
import { generate, loadModel, score } from '@mdiff/generate';
import type { Model, Writer } from '@mdiff/generate';
import { blockForward, cacheShape, exportedForward, frame, hiddenAt, logits as project } from '@mdiff/model';
import { maxError } from '@mdiff/testing';
import { readSafetensors } from '@mdiff/folder';
import { modelText, prepare } from '@mdiff/prepare';
import { exportSnapshot, silent, train } from '@mdiff/train';
import type { TrainResult } from '@mdiff/train';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// The same weights through two runtimes: what is exported is what was trained.

let folder: string;
beforeAll(async () => {
  tf.enableProdMode(); // tfjs would print an advertisement
  await tf.setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'mdiff-export-'));
  const rng = stream(1, 'book');
  await writeFile(
    join(folder, 'book.txt'),
    Array.from({ length: 80 }, () => Array.from({ length: 12 }, () => 'abcdefgh'[rng.int(8)]!.repeat(3)).join(' ')).join('\n\n'),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const models: Record<string, ProjectInput['model']> = {
  'swiglu, rmsnorm, rope, tied, convolution, shifted': { conv_width: 5, shift_head: true, tie_embeddings: true },
  'gelu, layernorm, learned, untied, biases, shifted': {
    activation: 'gelu',
    norm_type: 'layernorm',
    pos_encoding: 'learned',
    use_bias: true,
    shift_head: true,
  },
  'relu, rmsnorm, sinusoidal': { activation: 'relu', pos_encoding: 'sinusoidal', conv_width: 3 },
};

interface Trained {
  path: string;
  loaded: Model;
  config: ProjectConfig;
  nelbo: TrainResult['nelbo'];
}

async function trained(name: string, model: ProjectInput['model']): Promise<Trained> {
  const config = projectConfig({
    experiment_name: name.replaceAll(/\W+/g, '-'),
    output_dir: join(folder, 'outputs'),
    cache_dir: join(folder, 'cache'),
    device: 'cpu',
    hardware: { cpu_threads: 1 },
    model: { d_model: 16, n_layers: 2, n_heads: 2, d_ff: 24, vocab_size: 280, max_seq_len: 32, dropout: 0, attention_dropout: 0, ...model },
    tokenizer: { type: 'bpe' },
    data: { source: join(folder, 'book.txt') },
    curriculum: {
      stages: [{ name: 'text', epochs: 1, masking_rate_range: [0.1, 1], data_selection: 'all', format_type: 'paragraphs' }],
      transition_epochs: 0,
    },
    training: {
      max_steps: 3,
      causal_fraction: model?.shift_head ? 0.34 : 0,
      batch_size: 4,
      patience: 0,
      use_gradient_checkpointing: false,
      use_mixed_precision: false,
    },
  });
  const { model: path, nelbo } = await train(config, {
    mode: 'new',
    reporter: silent,
    signal: new AbortController().signal,
    warn: () => undefined,
  });
  return { path: path!, loaded: await loadModel(path!, { threads: 1 }), config, nelbo };
}

/** Reads every text from its beginning, in each pass. */
function slowWriter({ config }: Model, parameters: () => Record<string, tf.Tensor>, batch: number): Writer {
  let texts = Array.from({ length: batch }, (): number[] => []);
  return {
    next: ({ ids, length }) => {
      texts.forEach((text, b) => text.push(...ids.subarray(b * length, (b + 1) * length)));
      const [B, S] = [texts.length, texts[0]!.length];
      const logits = tf.tidy(() => {
        const params = parameters();
        const row = { ids: tf.tensor2d(texts, [B, S], 'int32'), segments: tf.ones([B, S], 'int32'), causal: tf.scalar(1) };
        const last = tf.tensor1d(
          texts.map((_, b) => (b + 1) * S - 1),
          'int32',
        );
        const network = config as unknown as ModelConfig;
        return project(params, hiddenAt(network, params, frame(network, row), last)).dataSync() as Float32Array;
      });
      return Promise.resolve(logits);
    },
    keep: (rows) => Promise.resolve(void (texts = rows.map((b) => [...texts[b]!]))),
    close: () => Promise.resolve(),
  };
}

/** Makes the tensors of a folder's weights. */
async function weights(path: string): Promise<() => Record<string, tf.Tensor>> {
  const { tensors } = readSafetensors(await readFile(join(path, 'model.safetensors')));
  return () => Object.fromEntries([...tensors.values()].map(({ name: key, shape, data }) => [key, tf.tensor(data, [...shape])]));
}

/** The meaning of a cache, pass by pass and canvas by canvas: the state of what is not computed is that of the canvas with the whole block masked. */
function cachedDenoiser({ config }: Model, parameters: () => Record<string, tf.Tensor>, cache: 'dual' | 'prefix'): Model['denoise'] {
  const network = config as unknown as ModelConfig;
  const { n_heads: H, d_model: D } = network;
  const { attention, convolutions, reach: R } = cacheShape(network);
  const named = (names: readonly string[], side: string, value: (name: string) => tf.Tensor): Record<string, tf.Tensor> =>
    Object.fromEntries(names.map((name) => [`${side}.${name}`, value(name)]));
  const ints = (values: Iterable<number>): tf.Tensor => tf.tensor1d([...values], 'int32');
  return async (rows) => {
    const parts = rows.map(({ canvas, positions, block }) => {
      const [shift, S] = [config.shift_head ? 1 : 0, canvas.length];
      const [start, end] = [block![0]! - shift, cache === 'dual' ? block!.at(-1)! + 1 : S];
      const isWhole = end - start > (cache === 'dual' ? 0.5 : 0.8) * S;
      const snapshot = canvas.slice();
      if (!isWhole) for (const p of block!) snapshot[p] = config.mask_token_id;
      return tf.tidy(() => {
        const params = parameters();
        const nothing = (): tf.Tensor => tf.zeros([1, R, D]);
        const { logits: whole, ...kept } = blockForward(network)({
          ...params,
          ...named(attention, 'past', () => tf.zeros([1, H, 1, D / H])),
          ...named(convolutions, 'left', nothing),
          ...named(convolutions, 'right', nothing),
          input_ids: ints(snapshot).reshape([1, S]),
          attention_mask: tf.ones([1, S], 'int32'),
          position: ints([0]),
          unread: tf.ones([1, 1]),
          rows: ints(positions.map((p) => p - shift)),
        });
        if (isWhole) return whole!.dataSync() as Float32Array;
        const padded = (name: string): tf.Tensor =>
          tf.pad(kept[name]! as tf.Tensor3D, [
            [0, 0],
            [R, R],
            [0, 0],
          ]);
        const { logits } = blockForward(network)({
          ...params,
          ...named(attention, 'past', (name) => kept[name]!),
          ...named(convolutions, 'left', (name) => tf.slice(padded(name), [0, start, 0], [1, R, D])),
          ...named(convolutions, 'right', (name) => tf.slice(padded(name), [0, end + R, 0], [1, R, D])),
          input_ids: ints(canvas.subarray(start, end)).reshape([1, end - start]),
          attention_mask: tf.ones([1, end - start], 'int32'),
          position: ints([start]),
          unread: tf.tensor2d([Array.from({ length: S }, (_, s) => Number(s >= start && s < end))]),
          rows: ints(positions.map((p) => p - shift - start)),
        });
        return logits!.dataSync() as Float32Array;
      });
    });
    return Float32Array.from(parts.flatMap((part) => [...part]));
  };
}

describe.each(Object.entries(models))('%s', (name, model) => {
  let path: string;
  let loaded: Model;
  let config: ProjectConfig;
  let nelbo: TrainResult['nelbo'];
  beforeAll(async () => {
    ({ path, loaded, config, nelbo } = await trained(name, model));
  }, 60_000);
  afterAll(() => loaded.close());

  it.each([
    [1, 32],
    [3, 7],
    [2, 19],
  ])('tfjs and ONNX logits agree for %i canvases of up to %i tokens', async (B, longest) => {
    const rng = stream(B, 'canvases');
    const rows = Array.from({ length: B }, (_, b) => {
      const canvas = Int32Array.from({ length: longest - b }, (_, i) => (i === 0 ? 2 : rng.int(loaded.config.vocab_size)));
      return { canvas, positions: Int32Array.from({ length: 5 }, () => 1 + rng.int(canvas.length - 1)) };
    });
    const onnx = await loaded.denoise(rows);

    const S = longest;
    const shift = loaded.config.shift_head ? 1 : 0;
    const flat = (value: (row: (typeof rows)[number], s: number) => number): Int32Array =>
      Int32Array.from({ length: B * S }, (_, i) => value(rows[Math.floor(i / S)]!, i % S));
    const parameters = await weights(path);
    const expected = tf.tidy(() => {
      const params = parameters();
      const { logits } = exportedForward(loaded.config as unknown as ModelConfig)({
        ...params,
        input_ids: tf.tensor(
          flat(({ canvas }, s) => canvas[s] ?? 1),
          [B, S],
          'int32',
        ),
        attention_mask: tf.tensor(
          flat(({ canvas }, s) => (s < canvas.length ? 1 : 0)),
          [B, S],
          'int32',
        ),
        rows: tf.tensor(
          Int32Array.from(rows.flatMap(({ positions }, b) => [...positions].map((position) => b * S + position - shift))),
          [5 * B],
          'int32',
        ),
      });
      return logits!.dataSync() as Float32Array;
    });
    expect(onnx.length).toBe(5 * B * loaded.config.vocab_size);
    // Logits of this size agree to about 1e-6; mdiff promises 1e-4.
    expect(maxError(onnx, expected)).toBeLessThan(1e-4);
  });

  it('any number of threads computes the same, to the bit', async () => {
    const rng = stream(2, 'threads');
    const size = loaded.config.vocab_size;
    const rows = Array.from({ length: 64 }, () => ({
      canvas: Int32Array.from({ length: 24 }, (_, s) => (s === 0 ? 2 : s % 3 === 0 ? 0 : 5 + rng.int(size - 5))),
      positions: Int32Array.of(3, 6, 21),
    }));
    const logits: (readonly Float32Array[])[] = [];
    for (const threads of [1, 2, 3]) {
      const model = await loadModel(path, { threads });
      const writer = await model.openWriter?.({ batch: 64, places: 24 });
      const next = await writer?.next({ ids: Int32Array.from(rows.flatMap(({ canvas }) => [...canvas])), length: 24 });
      logits.push([await model.denoise(rows), ...(next ? [next] : [])]);
      await model.close();
    }
    for (const others of logits.slice(1)) expect(others).toEqual(logits[0]);
  });

  it.each(['removed', 'replaced'])('a loaded model whose folder is %s writes on, and mixes nothing of two models', async (what) => {
    if (name !== Object.keys(models)[0]) return; // nothing of it depends on the network
    const copy = join(folder, 'copy');
    await cp(path, copy, { recursive: true });
    const model = await loadModel(copy);
    await rm(copy, { recursive: true });
    if (what === 'replaced') {
      await cp(path, copy, { recursive: true });
      const graph = await readFile(join(copy, 'onnx/model.onnx'));
      // Weights of another model.
      for (let i = graph.length >> 1; i < graph.length - 4096; i += 4) graph[i]! ^= 1;
      await writeFile(join(copy, 'onnx/model.onnx'), graph);
    }
    const options = { prompt: 'aaa', n: 8, maxTokens: 20, minTokens: 20, seed: 3, sampler: 'first_hitting' } as const;
    const expected = await generate(loaded, options);
    for (let i = 0; i < 3; i++) expect(await generate(model, options)).toEqual(expected);
    await expect(generate(model, { ...options, sampler: 'causal' })).rejects.toThrow(
      /causal\.onnx: the model folder has changed since it was loaded; load the model again$/,
    );
    await model.close();
    await rm(copy, { recursive: true, force: true });
  });

  it('a score of the held-out text is the figure that training reports', async () => {
    const { heldOut, tokenizer } = await prepare(config, silent);
    const { heldOut: units, train } = await modelText(config, JSON.stringify(tokenizer.toJson()));
    expect(train.length).toBeGreaterThan(units.length);
    const { natsPerToken, bitsPerByte, tokens, bytes } = await score(loaded, units, { seed: config.seed, levels: 4 });
    expect([tokens, bytes]).toEqual([heldOut!.tokens, heldOut!.bytes]);
    // Training sums losses in float32.
    expect(Math.abs(natsPerToken - nelbo!.nelbo)).toBeLessThan(1e-4);
    expect(Math.abs(bitsPerByte - nelbo!.bitsPerByte)).toBeLessThan(1e-4);
  });

  it('the cached graph gives the causal logits of every position, for all texts and for those that are kept', async () => {
    if (!loaded.config.shift_head) {
      expect(loaded.openWriter).toBeUndefined(); // without [BOS] in front, training refuses next-token prediction (rule E21)
      return;
    }
    const [B, S, V] = [3, 14, loaded.config.vocab_size];
    const rng = stream(1, 'writer');
    const ids = Int32Array.from({ length: B * S }, (_, i) => (i % S === 0 ? 2 : rng.int(V)));
    const parameters = await weights(path);
    const expected = tf.tidy(() => {
      const params = parameters();
      const config = loaded.config as unknown as ModelConfig;
      const row = { ids: tf.tensor2d(ids, [B, S], 'int32'), segments: tf.ones([B, S], 'int32'), causal: tf.scalar(1) };
      return project(params, hiddenAt(config, params, frame(config, row), tf.range(0, B * S, 1, 'int32'))).dataSync() as Float32Array;
    });
    const writer = await loaded.openWriter!({ batch: B, places: S });
    let rows = [0, 1, 2];
    for (let from = 0, length = 4; from < S; from += length, length = 1) {
      if (from === 9) await writer.keep((rows = [0, 2]));
      const tokens = Int32Array.from(rows.flatMap((b) => [...ids.subarray(b * S + from, b * S + from + length)]));
      const logits = await writer.next({ ids: tokens, length });
      rows.forEach((b, i) => {
        const at = (b * S + from + length - 1) * V;
        // As above: two runtimes, and the sums of the attention in another order.
        expect(maxError(logits.subarray(i * V, (i + 1) * V), expected.subarray(at, at + V)), `position ${from}`).toBeLessThan(1e-4);
      });
    }
    await writer.close();
  });

  it('sampler causal draws the tokens of uncached causal passes, in texts of any length', async () => {
    if (!loaded.config.shift_head) {
      await expect(generate(loaded, { sampler: 'causal' })).rejects.toThrow('sampler: "causal" needs a model with model.shift_head');
      return;
    }
    const parameters = await weights(path);
    const options = { sampler: 'causal', n: 3, seed: 5, prompt: 'aaa bbb', maxTokens: 20 } as const;
    const cached = await generate(loaded, options);
    const uncached = await generate(
      { ...loaded, openFilling: undefined, openWriter: (size) => Promise.resolve(slowWriter(loaded, parameters, size.batch)) },
      options,
    );
    expect(uncached).toEqual(cached);
    // Drawn in the caller's thread, from the same graph.
    expect(await generate({ ...loaded, openFilling: undefined }, options)).toEqual(cached);
    expect(cached.texts.map(({ tokens }) => tokens)).not.toContain(0);
  });

  it('texts of sampler causal that stand anywhere share passes, and each has the tokens that it has alone', async () => {
    if (!loaded.config.shift_head) return;
    const calls = ['', 'aaa', 'aaa bbb ccc aaa bbb ccc aaa', 'bbb'].map((prompt, i) => ({
      sampler: 'causal' as const,
      temperature: 1,
      prompt,
      n: 1 + (i % 2),
      seed: i,
      maxTokens: 4 + 6 * i,
    }));
    const alone = [];
    for (const call of calls) alone.push(await generate(loaded, call));
    const passes: number[] = [];
    loaded.onPass!((rows) => passes.push(rows));
    const other = generate(loaded, { sampler: 'first_hitting', maxTokens: 6, seed: 9 });
    expect(await Promise.all(calls.map((call) => generate(loaded, call)))).toEqual(alone);
    await other;
    expect(Math.max(...passes)).toBeGreaterThan(3);
  });

  it('with a cache a text has the tokens of passes that keep nothing, alone and beside others', async () => {
    const out = join(dirname(path), 'cached');
    await exportSnapshot(dirname(path), { out, dtype: 'float32', graph: true, cache: true, warn: () => undefined });
    const parameters = await weights(path);
    for (const cache of ['dual', 'prefix'] as const) {
      const cached = await loadModel(out, { threads: 1, cache });
      try {
        const twin: Model = { ...loaded, openFilling: undefined, denoise: cachedDenoiser(loaded, parameters, cache) };
        const options = { prompt: 'aaa bbb', n: 2, maxTokens: 12, minTokens: 12, temperature: 1, blockLength: 4 } as const;
        const calls = [1, 2].map((seed) => ({
          ...options,
          seed,
          sampler: seed === 1 ? ('first_hitting' as const) : ('confidence' as const),
        }));
        const together = await Promise.all(calls.map((call) => generate(cached, call)));
        for (const [i, call] of calls.entries()) {
          expect(await generate(cached, call)).toEqual(together[i]);
          expect(await generate(twin, call)).toEqual(together[i]);
        }
        // The cache changes what is drawn; a stretch of most of the canvas is exact.
        const whole = { ...options, seed: 3, blockLength: null };
        expect(await generate(cached, whole)).toEqual(await generate(loaded, whole));
      } finally {
        await cached.close();
      }
    }
  });
});
