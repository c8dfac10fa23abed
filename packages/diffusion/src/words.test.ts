import { describe, expect, it } from 'vitest';
import { denoiseBatch, type Denoiser } from './denoise.js';
import type { SamplingOptions } from './options.js';
import type { SamplerName } from './sampler.js';
import { sampler, samplers } from './samplers.js';
import type { WordRules } from './words.js';

// 0 = mask, 1 = " ba", 2 = "na", 3 = " sea", 4 = ".", 5 = "sea"
const pieces = ['', ' ba', 'na', ' sea', '.', 'sea'];
const letters = Uint8Array.of(0, 2, 3, 2, 0, 3);
const flat: Denoiser = (rows) => new Float64Array(rows.reduce((n, { positions }) => n + positions.length, 0) * pieces.length);

async function texts(name: SamplerName, rules: Partial<WordRules>, options: Partial<SamplingOptions> = {}, before: number[] = []) {
  const results = await denoiseBatch({
    canvases: Array.from({ length: 60 }, () => Int32Array.from([...before, ...new Array<number>(8).fill(0)])),
    seed: 1,
    maskId: 0,
    denoiser: flat,
    sampler: sampler(name),
    options: { numSteps: 3, letters, words: { forbidden: [], allowed: null, ...rules }, ...options },
  });
  return results.map(({ canvas }) => Array.from(canvas, (id) => pieces[id]).join(''));
}

const banana = Int32Array.of(1, 2, 2);
const words = (text: string): string[] => text.match(/\p{L}+/gu) ?? [];

describe.each(Object.keys(samplers) as SamplerName[])('%s', (name) => {
  it.each([{}, { temperature: 0.5, topP: 0.9 }, { earlyCommit: name !== 'causal', blockLength: 4 }])(
    'writes no forbidden word, also of tokens that one step commits: %j',
    async (options) => {
      const forbidden = [banana, Int32Array.of(3), Int32Array.of(5), Int32Array.of(1)];
      for (const text of await texts(name, { forbidden }, options))
        expect(words(text).filter((word) => ['banana', 'ba', 'sea'].includes(word))).toEqual([]);
    },
  );

  it('writes whole words of several tokens alone, from left to right', async () => {
    const allowed = Int32Array.of(...banana, -1, 3, -1, 4, -1, 5, -1);
    for (const wordGuard of [0, 0.5]) {
      const all = await texts(name, { allowed }, { blockLength: 1, wordGuard, numSteps: 8 });
      for (const text of all) expect(words(text.replace(/ ba(na)?$/, '')).filter((word) => !['banana', 'sea'].includes(word))).toEqual([]);
      expect(new Set(all.flatMap(words))).toContain('banana');
    }
  });
});

it('a forbidden word may stand inside a longer one', async () => {
  const all = await texts('causal', { forbidden: [Int32Array.of(5)] }, {}, [1]);
  expect(all.some((text) => text.startsWith(' basea'))).toBe(true);
  for (const text of all) expect(text).not.toMatch(/(?<![a-z ])sea(?![a-z])/);
});

it('remasking writes no forbidden word', async () => {
  for (const text of await texts('ancestral', { forbidden: [banana] }, { remasking: 0.5, numSteps: 12 }))
    expect(words(text)).not.toContain('banana');
});
