import type { LikelihoodRatio, Score } from '@mdiff/generate';
import { describe, expect, it } from 'vitest';
import { shownJson, shownText } from './scoretext.js';

const score = (bitsPerByte: number): Score => ({
  nats: bitsPerByte * 100 * Math.LN2,
  natsPerToken: 2 * bitsPerByte,
  natsPerTokenError: 0.02,
  bitsPerByte,
  bitsPerByteError: 0.01,
  tokens: 1200,
  bytes: 5000,
  units: [{ text: 'Call me', tokens: 1200, bytes: 5000, nats: 1 }],
  seed: 7,
  nfe: 1,
});

function shown(
  bits: readonly number[],
  { against, alike = true, error = 0.01 }: { against?: number; alike?: boolean; error?: number } = {},
) {
  const scores = bits.map(score);
  const ratio = (one: number, other: number): LikelihoodRatio => ({
    nats: 1,
    bitsPerByte: bits[other]! - bits[one]!,
    bitsPerByteError: error,
    natsPerToken: alike ? 2 * (bits[other]! - bits[one]!) : null,
    natsPerTokenError: alike ? 2 * error : null,
  });
  const labels = ['melville', 'shelley', 'base-en'].slice(0, bits.length);
  return { labels, folders: labels.map((label) => `outputs/${label}`), against, scores, ratio };
}

describe('what mdiff score prints', () => {
  it('names the likeliest model and how far the next one is', () => {
    expect(shownText(shown([2.2, 1.9]))).toBe(
      `1 paragraph, 1,200 tokens, 5,000 bytes, seed 7

model     nats/token     bits/byte
melville  4.400 ± 0.020  2.200 ± 0.010
shelley   3.800 ± 0.020  1.900 ± 0.010

likeliest under shelley: 0.300 ± 0.010 bits/byte better than under melville
`,
    );
    expect(shownText(shown([2, 1.99]))).toContain('0.010 ± 0.010 bits/byte better than under melville; that is within two standard errors');
  });

  it('leaves the model to compare with out of the decision among others', () => {
    const text = shownText(shown([2.2, 2.1, 1.5], { against: 2 }));
    expect(text).toMatch(/over base-en: nats\/token +bits\/byte\n.*-1\.400 ± 0\.020 +-0\.700 ± 0\.010\n/);
    expect(text).toContain('likeliest under shelley: 0.100');
    expect(JSON.parse(shownJson(shown([2.2, 2.1, 1.5], { against: 2 })))).toMatchObject({
      likeliest: 'outputs/shelley',
      models: [{ name: 'melville', against: { folder: 'outputs/base-en' } }, {}, { name: 'base-en' }],
    });
  });

  it('compares bytes alone between tokenizers', () => {
    expect(shownText(shown([2.2, 1.9], { against: 1, alike: false }))).toMatch(/melville .* other tokens +-0\.300 ± 0\.010\n/);
  });
});
