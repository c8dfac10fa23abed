import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProjectConfig } from '@mdiff/config';
import type { ModelConfig } from '@mdiff/config';
import { layout as layoutOf } from '@mdiff/model';
import { describe, expect, it } from 'vitest';
import { fusedOps } from './fused.js';
import { compiledVariants } from './kernels.js';
import { allowedVariants, productVariants, productsFor, variantFor, variantNamed, variantsOf } from './variants.js';
import type { Products } from '../devices.js';
import type { ProductVariant } from './variants.js';
import { openGraph } from '../passes/graphs.js';

// The operations of the kernels in the training step. checks/native/kernels.ts compares their results.

const base: ModelConfig = {
  ...ProjectConfig.preset('nano').model,
  vocab_size: 40,
  d_model: 8,
  n_heads: 2,
  n_layers: 2,
  d_ff: 16,
  max_seq_len: 16,
  dropout: 0,
  attention_dropout: 0,
  conv_width: 3,
  norm_type: 'rmsnorm',
  activation: 'swiglu',
  pos_encoding: 'rope',
  use_bias: false,
};

const [amx] = productVariants;

function counts(
  products: ProductVariant | undefined,
  model: Partial<ModelConfig> = {},
  { checkpointing = false, dropout = false } = {},
): Record<string, number> {
  const config = { ...base, ...model };
  const graph = openGraph('train', { model: config, labelSmoothing: 0, checkpointing, ops: fusedOps(products) }, layoutOf(config), dropout);
  const found: Record<string, number> = {};
  for (const { kernel, attrs } of graph.nodes) if (kernel === 'Foreign') found[attrs.op as string] = (found[attrs.op as string] ?? 0) + 1;
  return found;
}

const norms = { MdiffRmsNorm: 5, MdiffRmsNormGrad: 5 };
const convolutions = { MdiffConvolve: 3, MdiffConvolveGrad: 3 };
const attention = { MdiffSelfAttentionAmx: 2, MdiffSelfAttentionGradAmx: 2 };
const feedForward = { MdiffFeedForwardAmx: 2, MdiffFeedForwardGradAmx: 2 };
const swiglu = { MdiffSwiglu: 2, MdiffSwigluGrad: 2 };

describe('the training step with fused kernels', () => {
  it('has whole attention and feed-forward if the kernels have products', () => {
    expect(counts(amx)).toEqual({ ...norms, ...convolutions, ...attention, ...feedForward });
    expect(counts(undefined)).toEqual({ ...norms, ...convolutions, ...swiglu });
  });

  it('has the pieces that a variant of the network contains', () => {
    expect(counts(amx, { conv_width: 0, activation: 'gelu' })).toEqual({ ...norms, ...attention });
    expect(counts(amx, { norm_type: 'layernorm' })).toEqual({ ...convolutions, ...attention, ...feedForward });
    expect(counts(amx, { pos_encoding: 'learned' })).toEqual({ ...norms, ...convolutions, ...feedForward });
    expect(counts(amx, { use_bias: true })).toEqual({ ...norms, ...convolutions, ...swiglu });
  });

  it('applies dropout after a piece, and has no whole attention with dropout of attention weights', () => {
    expect(counts(amx, { attention_dropout: 0.1 }, { dropout: true })).toEqual({ ...norms, ...convolutions, ...feedForward });
    expect(counts(amx, { dropout: 0.1 }, { dropout: true })).toEqual({ ...norms, ...convolutions, ...attention, ...feedForward });
  });

  it('computes them again if blocks are recomputed', () => {
    const { MdiffSelfAttentionAmx, MdiffSelfAttentionGradAmx } = counts(amx, {}, { checkpointing: true });
    expect([MdiffSelfAttentionAmx, MdiffSelfAttentionGradAmx]).toEqual([4, 2]);
  });
});

describe('variants of products', () => {
  const chosen = (available: string[], variable?: string): (string | undefined)[] => {
    const variants = allowedVariants(available, { MDIFF_KERNELS: variable });
    return [variantFor(variants, 'bfloat16')?.name, variantFor(variants, 'float32')?.name];
  };

  it('are the fastest that the processor has, in either precision', () => {
    expect(chosen(['avx2', 'avx512', 'avx512_bf16', 'amx'])).toEqual(['amx', 'avx512']);
    expect(chosen(['avx512_bf16', 'avx512', 'avx2'])).toEqual(['avx512_bf16', 'avx512']);
    expect(chosen(['avx2'])).toEqual([undefined, 'avx2']);
    expect(chosen([])).toEqual([undefined, undefined]);
  });

  it('are those that MDIFF_KERNELS names, or none', () => {
    expect(chosen(['amx', 'avx512_bf16', 'avx512', 'avx2'], 'avx2, avx512_bf16')).toEqual(['avx512_bf16', 'avx2']);
    expect(chosen(['amx', 'avx512_bf16', 'avx512', 'avx2'], '')).toEqual([undefined, undefined]);
  });

  it('follow from the instruction sets of a processor', () => {
    expect(variantsOf(['avx', 'avx2', 'fma'])).toEqual(['avx2']);
    expect(variantsOf(['avx2', 'fma', 'avx512f', 'avx512bw', 'avx512_bf16'])).toEqual(['avx512_bf16', 'avx512', 'avx2']);
    expect(variantsOf(['sse2'])).toEqual([]);
  });

  it("leave TensorFlow's products as a choice, unless MDIFF_KERNELS says which", () => {
    const offered = (variable?: string) => productsFor(['avx512_bf16', 'avx512', 'avx2'], 'float32', { MDIFF_KERNELS: variable });
    expect(offered()).toEqual(['tensorflow', 'avx512']);
    expect(productsFor(['amx', 'avx512_bf16'], 'bfloat16', {})).toEqual(['amx', 'tensorflow']);
    expect(productsFor(['avx512_bf16'], 'bfloat16', {})).toEqual(['tensorflow', 'avx512_bf16']);
    expect(offered('avx2')).toEqual(['avx2']);
    expect(offered('avx512_bf16')).toEqual(['tensorflow']);
    expect(offered('')).toEqual(['tensorflow']);
    expect(productsFor([], 'float32', {})).toEqual([]);
  });

  it('are read from a compiled library', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mdiff-variants-'));
    const read = async (content: string): Promise<string[]> => {
      await writeFile(join(folder, 'kernels.so'), content, 'latin1');
      return compiledVariants(join(folder, 'kernels.so'));
    };
    try {
      expect(await read('\x7fELF\0\xffmdiff products: avx512 avx2\0other')).toEqual(['avx512', 'avx2']);
      expect(await read('mdiff products:\0')).toEqual([]);
      expect(await read('')).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('are what a setting names', () => {
    const named = (products?: Products, env = {}) => variantNamed(allowedVariants(['avx512', 'avx2'], env), products, 'float32', env)?.name;
    expect([named('avx512'), named('avx2'), named('tensorflow')]).toEqual(['avx512', 'avx2', undefined]);
    expect([named(), named(undefined, { MDIFF_KERNELS: 'avx2' })]).toEqual([undefined, 'avx2']);
    expect(() => named('amx')).toThrow('the fused kernels have no products on AMX here');
  });

  it.each([
    [['avx512', 'avx2'], 'amx', 'expected some of avx512, avx2, got "amx", which this processor or the compiled kernels lack'],
    [['avx512', 'avx2'], 'avx2,sse', 'expected some of avx512, avx2, got "sse"'],
    [[], 'avx2', 'expected nothing, got "avx2", which this processor or the compiled kernels lack'],
  ])('of %j cannot be "%s"', (available, variable, message) => {
    expect(() => allowedVariants(available, { MDIFF_KERNELS: variable })).toThrow(`MDIFF_KERNELS: ${message}`);
  });
});
