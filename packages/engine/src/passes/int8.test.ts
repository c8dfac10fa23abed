import { stream } from '@mdiff/diffusion';
import { modelConfig, type ModelConfig } from '@mdiff/config';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheShape } from '@mdiff/model';
import * as ort from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { layoutOf, onnxOf } from '../export.js';

const sizes = { d_model: 32, n_layers: 2, n_heads: 2, d_ff: 64, vocab_size: 96, max_seq_len: 16 };

const int = (dims: number[], values: (i: number) => number): ort.Tensor =>
  new ort.Tensor(
    'int32',
    Int32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => values(i)),
    dims,
  );

async function logitsOf(graph: Uint8Array): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(graph, { intraOpNumThreads: 1 });
  const [batch, length] = [2, 12];
  const { logits } = await session.run({
    input_ids: int([batch, length], (i) => (i % 3 === 0 ? 0 : 5 + ((i * 7) % 91))),
    attention_mask: int([batch, length], () => 1),
    rows: int([8], (i) => 3 * i),
  });
  await session.release();
  return logits!.data as Float32Array;
}

/** Of a causal graph in a folder with the file of its weights: the logits behind each of 8 tokens that are read at once. */
async function causalLogitsOf(file: string, model: ModelConfig): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1 });
  const { attention, convolutions, reach } = cacheShape(model);
  const zeros = (...dims: number[]): ort.Tensor => new ort.Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b)), dims);
  const { logits } = await session.run({
    input_ids: int([1, 8], (i) => (i === 0 ? 2 : 5 + ((i * 7) % 91))),
    position: int([1], () => 0),
    rows: int([8], (i) => i),
    ...Object.fromEntries(attention.map((name) => [`past.${name}`, zeros(1, model.n_heads, 1, model.d_model / model.n_heads)])),
    ...Object.fromEntries(convolutions.map((name) => [`past.${name}`, zeros(1, reach, model.d_model)])),
  });
  await session.release();
  return logits!.data as Float32Array;
}

/** Of a graph with a cache: the logits of a whole canvas, whose cache is empty. */
async function blockLogitsOf(file: string, model: ModelConfig): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1 });
  const { attention, convolutions, reach } = cacheShape(model);
  const filled = (value: number, ...dims: number[]): ort.Tensor =>
    new ort.Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b)).fill(value), dims);
  const { logits } = await session.run({
    input_ids: int([2, 12], (i) => (i % 3 === 0 ? 0 : 5 + ((i * 7) % 91))),
    attention_mask: int([2, 12], () => 1),
    position: int([2], () => 0),
    unread: filled(1, 2, 1),
    rows: int([8], (i) => 3 * i),
    ...Object.fromEntries(attention.map((name) => [`past.${name}`, filled(0, 2, model.n_heads, 1, model.d_model / model.n_heads)])),
    ...Object.fromEntries(
      ['left', 'right'].flatMap((side) => convolutions.map((name) => [`${side}.${name}`, filled(0, 2, reach, model.d_model)])),
    ),
  });
  await session.release();
  return logits!.data as Float32Array;
}

const rms = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

it.each([
  ['swiglu, tied, convolutions', { conv_width: 5, tie_embeddings: true }],
  ['gelu, untied, biases', { activation: 'gelu', tie_embeddings: false, use_bias: true }],
] as const)('matrices in 8 bits: fewer bytes, and logits a few hundredths off (%s)', async (_, more) => {
  const model = modelConfig({ ...sizes, ...more });
  const layout = layoutOf(model);
  const rng = stream(1, 'weights');
  const params = Float32Array.from({ length: layout.total }, () => 0.15 * rng.normal());
  for (const { name, offset, size } of layout.params) if (/norm\.weight$/.test(name)) params.fill(1, offset, offset + size);
  const graphs = await onnxOf(model, params, { int8: true, causal: true, block: true });
  expect(graphs.quantized!.length).toBeLessThan(0.6 * graphs.model.length);
  const [exact, rounded] = [await logitsOf(graphs.model), await logitsOf(graphs.quantized!)];
  // Each product rounds both factors by about 1/128 of their largest values; some ten of them follow one another.
  const error = rms(exact.map((value, i) => rounded[i]! - value)) / rms(exact);
  expect(error).toBeGreaterThan(0.0005);
  expect(error).toBeLessThan(0.08);

  const folder = mkdtempSync(join(tmpdir(), 'mdiff-int8-'));
  try {
    const files = {
      'model.onnx': graphs.model,
      'causal.onnx': graphs.causal!,
      'model_quantized.onnx': graphs.quantized!,
      'causal_quantized.onnx': graphs.quantizedCausal!,
      'block_quantized.onnx': graphs.quantizedBlock!,
    };
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
    const [next, nextRounded] = [
      await causalLogitsOf(join(folder, 'causal.onnx'), model),
      await causalLogitsOf(join(folder, 'causal_quantized.onnx'), model),
    ];
    const causalError = rms(next.map((value, i) => nextRounded[i]! - value)) / rms(next);
    expect(causalError).toBeGreaterThan(0.0005);
    expect(causalError).toBeLessThan(0.08);
    // With nothing to read around it, the graph with a cache is the denoiser.
    const block = await blockLogitsOf(join(folder, 'block_quantized.onnx'), model);
    expect(rms(block.map((value, i) => rounded[i]! - value)) / rms(rounded)).toBeLessThan(0.01);
    // The weights lie in the other file.
    rmSync(join(folder, 'model_quantized.onnx'));
    await expect(causalLogitsOf(join(folder, 'causal_quantized.onnx'), model)).rejects.toThrow('model_quantized.onnx');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
