import { sampling, type Range } from '@mdiff/config/sampling';
import { sampler, samplingOptions } from '@mdiff/diffusion';
import { describe, expect, it } from 'vitest';
import { fromGeneration, resolveSampling, yielding, type SamplingOptions } from './options.js';

const table = Object.entries(sampling) as [string, { range: Range; default: unknown; option: keyof SamplingOptions }][];

/** The ends of a range, or every choice. */
function inside({ type, minimum, exclusiveMinimum, maximum, enum: choices, items, maxItems }: Range): unknown[] {
  if (choices) return [...choices];
  if (items) return [[], Array<string>(maxItems!).fill('a'.repeat(items.maxLength))];
  if (type === 'boolean') return [true, false];
  return [minimum ?? exclusiveMinimum! + 1e-9, maximum!, ...(type.includes('null') ? [null] : [])];
}

describe.each(table)('%s', (key, { range, option, default: value }) => {
  // Other rules: remasking needs the sampler ancestral, a style strength needs style tokens, and the window is no shorter than minLength.
  const others: SamplingOptions = {
    ...(option === 'remasking' && { sampler: 'ancestral' as const }),
    ...(option === 'styleStrength' && { styleTokens: ['a'] }),
    ...(option === 'minLength' && { maxLength: 65536 }),
  };

  it('takes all of its range, as an option and from the model folder', () => {
    for (const good of inside(range)) {
      if (option !== 'seed' || good !== null) expect(resolveSampling({}, { ...others, [option]: good })[option]).toEqual(good);
      expect(fromGeneration({ [key]: good })).toEqual({ [option]: good });
    }
    if (option !== 'seed') expect(resolveSampling({}, {})[option]).toEqual(value);
  });

  it('gives no value that the sampler refuses', () => {
    if (option === 'sampler') for (const name of inside(range)) expect(sampler(name as string).name).toBe(name);
    const shared = option === 'confidenceSchedule' ? 'schedule' : option;
    if (option === 'sampler' || !Object.hasOwn(samplingOptions(), shared)) return;
    for (const good of inside(range)) expect(() => samplingOptions({ [shared]: good })).not.toThrow();
    // At temperature 1 the samplers draw from the model's own distribution; the product's default is a little sharper.
    if (option !== 'temperature') expect(samplingOptions()).toMatchObject({ [shared]: value });
  });
});

describe('a value of the folder that contradicts a chosen one gives way', () => {
  it.each([
    [{ block_length: 4, min_length: 9 }, { max_length: 3 }, { block_length: 3, min_length: 3 }],
    [{ max_length: 8 }, { min_length: 20 }, { max_length: 20 }],
    [{ max_length: 8 }, { block_length: 40 }, { max_length: 32 }],
    [{ sampler: 'ancestral', remasking: 0.5 }, { sampler: 'margin' }, { sampler: 'ancestral', remasking: 0 }],
    [{ style_strength: 3, style_tokens: ['a'] }, { style_tokens: [] }, { style_strength: 1, style_tokens: ['a'] }],
    [{ block_length: null, max_length: 8 }, { max_length: 3 }, { block_length: null, max_length: 8 }],
  ] as const)('%j beside %j', (folder, chosen, expected) => {
    expect(yielding(folder, chosen, 32)).toEqual(expected);
  });

  it('two values of a caller that contradict each other are a mistake', () => {
    expect(() => resolveSampling({}, { minLength: 9, maxLength: 8 })).toThrow('minLength: expected an integer <= maxLength (8), got 9');
    expect(resolveSampling({ min_length: 9, remasking: 0.1, sampler: 'ancestral' }, { maxLength: 8, sampler: 'margin' })).toMatchObject({
      minLength: 8,
      remasking: 0,
    });
  });
});
