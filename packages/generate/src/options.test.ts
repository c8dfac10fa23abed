import { sampling, type Range } from '@mdiff/config/sampling';
import { sampler, samplingOptions } from '@mdiff/diffusion';
import { describe, expect, it } from 'vitest';
import { fromGeneration, resolveSampling, type SamplingOptions } from './options.js';

const table = Object.entries(sampling) as [string, { range: Range; default: unknown; option: keyof SamplingOptions }][];

/** The ends of a range, or every choice. */
function inside({ type, minimum, exclusiveMinimum, maximum, enum: choices, items, maxItems }: Range): unknown[] {
  if (choices) return [...choices];
  if (items) return [[], Array<string>(maxItems!).fill('a'.repeat(items.maxLength))];
  if (type === 'boolean') return [true, false];
  return [minimum ?? exclusiveMinimum! + 1e-9, maximum!, ...(type.includes('null') ? [null] : [])];
}

describe.each(table)('%s', (key, { range, option, default: value }) => {
  // Two other rules: remasking needs the sampler ancestral, a style strength needs style tokens.
  const others: SamplingOptions = {
    ...(option === 'remasking' && { sampler: 'ancestral' as const }),
    ...(option === 'styleStrength' && { styleTokens: ['a'] }),
  };

  it('takes all of its range, as an option and from the model folder', () => {
    for (const good of inside(range)) {
      expect(resolveSampling({}, { ...others, [option]: good })[option]).toEqual(good);
      expect(fromGeneration({ [key]: good })).toEqual({ [option]: good });
    }
    expect(resolveSampling({}, {})[option]).toEqual(value);
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
