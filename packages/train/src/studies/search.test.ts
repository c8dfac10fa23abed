import { projectConfig } from '@mdiff/config';
import { describe, expect, it } from 'vitest';
import { meanSd, pairedBootstrap } from './bootstrap.js';
import { drawTrial, parseSearch } from './search.js';
import { roundSteps } from './tune.js';

const config = projectConfig({});
function values(text: string): unknown[] {
  const { at } = parseSearch(text, config);
  return Array.from({ length: 200 }, (_, i) => at(i / 200));
}

describe('parseSearch', () => {
  it('reads ranges and lists', () => {
    const rates = values('training.learning_rate=log:1e-4..1e-2') as number[];
    expect([rates[0], rates[100]]).toEqual([1e-4, 1e-3]);
    expect(Math.max(...rates)).toBeLessThan(1e-2);
    expect(values('model.dropout=linear:0..0.5')[100]).toBe(0.25);
    expect(new Set(values('training.batch_size=linear:2..4'))).toEqual(new Set([2, 3, 4]));
    expect(values('training.batch_size=log:1..64').every(Number.isInteger)).toBe(true);
    expect(new Set(values('model.dropout=linear:0..0.9')).size).toBeGreaterThan(100);
    expect(new Set(values('training.scheduler=cosine, wsd'))).toEqual(new Set(['cosine', 'wsd']));
    expect(new Set(values('training.ema_decay=0,0.99'))).toEqual(new Set([0, 0.99]));
  });

  it.each([
    ['training.learning_rate', 'expected key=log:low..high, key=linear:low..high, or key=a,b,c'],
    ['training.learning_rate=exp:1..2', 'expected key=log:low..high, key=linear:low..high, or key=a,b,c'],
    ['training.learning_rate=log:1e-3..1e-4', 'expected two numbers, the smaller first, got 1e-3..1e-4'],
    ['training.learning_rate=log:0..1', 'expected a lower end above 0 for log, got 0'],
    ['training.learning_rate=linear:0.5..2', 'expected a number > 0 and <= 1, got 2'],
    ['training.scheduler=cosine,sine', 'got "sine"'],
    ['training.lerning_rate=log:1e-4..1e-3', 'expected a known key with one value, got "training.lerning_rate"'],
    ['training.val_split=0.1,0.2', 'training.val_split decides the held-out text'],
  ])('refuses %s', (text, problem) => {
    expect(() => parseSearch(text, config)).toThrow(problem);
    expect(() => parseSearch(text, config)).toThrow(expect.objectContaining({ code: 'MDIFF_SEARCH', exitCode: 2 }) as Error);
  });

  it('draws a trial by seed and number alone', () => {
    const searches = ['training.learning_rate=log:1e-4..1e-2', 'model.dropout=linear:0..0.5'].map((text) => parseSearch(text, config));
    expect(drawTrial(searches, 1, 4)).toEqual(drawTrial(searches, 1, 4));
    expect(drawTrial(searches, 1, 4)).not.toEqual(drawTrial(searches, 2, 4));
    expect(drawTrial(searches.slice(1), 1, 4)['model.dropout']).toBe(drawTrial(searches, 1, 4)['model.dropout']);
  });
});

it('rounds have a third of the steps of the next one', () => {
  expect(roundSteps(90, 3)).toEqual([10, 30, 90]);
  expect(roundSteps(7, 1)).toEqual([7]);
});

describe('bootstrap', () => {
  it('covers a difference between paired units, whatever the units have in common', () => {
    const one = Array.from({ length: 200 }, (_, i) => 100 + 50 * Math.sin(i));
    const other = one.map((value, i) => value + 1 + 0.1 * Math.cos(7 * i));
    const { difference, low, high } = pairedBootstrap(one, other, { bytes: 200 / Math.LN2, seed: 1 });
    expect(difference).toBeCloseTo(-1, 2);
    expect([low < difference, difference < high, high - low < 0.05]).toEqual([true, true, true]);
    expect(pairedBootstrap(one, one, { bytes: 200, seed: 1 })).toEqual({ difference: 0, low: 0, high: 0 });
  });

  it('has no deviation of one value', () => {
    expect(meanSd([1, 3])).toEqual({ mean: 2, sd: Math.SQRT2 });
    expect(meanSd([1])).toEqual({ mean: 1, sd: NaN });
  });
});
