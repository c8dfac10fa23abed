import { expect, test } from 'vitest';
import { tiny } from './fixture.test.util.js';
import { layout } from './layout.js';
import type { DenoiserConfig } from './types.js';

const base: DenoiserConfig = {
  ...tiny,
  d_model: 768,
  n_layers: 12,
  n_heads: 12,
  d_ff: 2048,
  vocab_size: 25000,
  max_seq_len: 512,
  tie_embeddings: false,
  conv_width: 0,
};
const layernorm = { norm_type: 'layernorm', use_bias: true, pos_encoding: 'learned' } as const;
const shape = { d_model: 512, n_layers: 8, n_heads: 8, d_ff: 1536, vocab_size: 20000 };
const nano = { d_model: 128, n_layers: 4, n_heads: 2, d_ff: 344, vocab_size: 4096, max_seq_len: 128, conv_width: 5 };
const micro = { d_model: 256, n_layers: 6, n_heads: 4, d_ff: 688, vocab_size: 8192, max_seq_len: 128, conv_width: 5 };
const small = { d_model: 1024, n_layers: 24, n_heads: 16, d_ff: 2736 };

// docs/configuration-specification.md, sections 4.1 and 3.1: untied, tied.
test.each<[string, Partial<DenoiserConfig>, number, number]>([
  ['default', {}, 123_353_856, 104_153_856],
  ['gelu', { activation: 'gelu' }, 104_479_488, 85_279_488],
  ['layernorm, biases, learned positions', layernorm, 123_861_504, 104_661_504],
  ['512 wide', shape, 47_751_680, 37_511_680],
  ['small_350m', small, 353_633_280, 328_033_280],
  ['nano', nano, 1_843_456, 1_319_168],
  ['micro', micro, 8_949_760, 6_852_608],
])('%s has the published number of parameters', (_, keys, untied, tied) => {
  expect(layout({ ...base, ...keys }).total).toBe(untied);
  expect(layout({ ...base, ...keys, tie_embeddings: true }).total).toBe(tied);
});

test('the tensors fill the buffer without gap or overlap, and names are unique', () => {
  const { params, total } = layout({ ...base, ...layernorm, conv_width: 3 });
  let end = 0;
  for (const { offset, size, shape } of params) {
    expect(offset).toBe(end);
    expect(shape.reduce((a, b) => a * b, 1)).toBe(size);
    end += size;
  }
  expect(end).toBe(total);
  expect(new Set(params.map(({ name }) => name)).size).toBe(params.length);
});

test('norms, biases and embeddings are not decayed; matrices, taps and an untied head are', () => {
  const { params } = layout({ ...base, ...layernorm, conv_width: 5 });
  const kinds = (decay: boolean) => [...new Set(params.filter((spec) => spec.decay === decay).map(({ kind }) => kind))].sort();
  expect(kinds(true)).toEqual(['conv', 'head', 'matrix']);
  expect(kinds(false)).toEqual(['bias', 'embedding', 'norm', 'position']);
});
