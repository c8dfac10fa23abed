import { expect, it } from 'vitest';
import type { CausalPasses, Reading, TextCache } from './cache.js';
import { causalFill } from './causalfill.js';
import type { FillRow } from './filling.js';

const reserved = { maskId: 0, padId: 1, shiftHead: true, vocabulary: 2 };

/** Passes whose logits name what a text has read, and how many tokens; a token that is read twice shows. */
function passes() {
  const calls: string[] = [];
  const texts = new Map<TextCache, number[]>();
  const opened = (text: number[], read: number): TextCache => {
    const cache = { read, places: 9, parts: new Map() };
    texts.set(cache, text);
    return cache;
  };
  const add = ({ cache, ids }: Reading): number => {
    texts.get(cache)!.push(...ids);
    return (cache.read += ids.length);
  };
  const told = (readings: readonly Reading[]): string => readings.map(({ ids }) => ids.join(' ')).join(' | ');
  const causal: CausalPasses = {
    empty: () => opened([], 0),
    copy: (cache) => opened([...texts.get(cache)!], cache.read),
    read: async (readings) => {
      calls.push(told(readings));
      return Float32Array.from(readings.flatMap((one) => [add(one), Number(texts.get(one.cache)!.join(''))].reverse()));
    },
    readOnly: async (readings) => {
      calls.push(`(${told(readings)})`);
      readings.forEach(add);
    },
  };
  const run = causalFill(causal);
  return { calls, run: async (...rows: FillRow[]) => [...(await run(rows, reserved))] };
}

const row = (owner: object, ids: readonly number[]): FillRow => ({
  owner,
  canvas: Int32Array.from([...ids, 0, 0]),
  positions: Int32Array.of(ids.length),
});

it('reads a prompt once for its texts, and of each text then what is new', async () => {
  const { calls, run } = passes();
  const owner = {};
  expect(await run(row(owner, [2, 5, 6]))).toEqual([256, 3]);
  expect(await run(row(owner, [2, 5, 6, 7]), row(owner, [2, 5, 6, 8]))).toEqual([2567, 4, 2568, 4]);
  expect(await run(row(owner, [2, 5, 6, 8, 9]), row(owner, [2, 5, 6, 7, 3]))).toEqual([25689, 5, 25673, 5]);
  expect(calls).toEqual(['(2 5)', '6', '7 | 8', '9 | 3']);
});

it('shares passes between fillings, whose texts read all but their last token first', async () => {
  const { calls, run } = passes();
  const [one, two] = [{}, {}];
  await run(row(one, [2, 5]));
  expect(await run(row(two, [2, 5, 6, 7]), row(one, [2, 5, 8]))).toEqual([2567, 4, 258, 3]);
  expect(await run(row(two, [2, 5, 6, 7, 9]), row(one, [2, 5, 8, 9]))).toEqual([25679, 5, 2589, 4]);
  expect(calls).toEqual(['(2)', '5', '(2 5 6)', '7 | 8', '9 | 9']);
});

it('reads a text anew of which it has nothing', async () => {
  const { calls, run } = passes();
  const owner = {};
  await run(row(owner, [2, 5, 6]));
  expect(await run(row(owner, [2, 9, 6, 4]))).toEqual([2964, 4]);
  expect(calls).toEqual(['(2 5)', '6', '(2 9 6)', '4']);
});
