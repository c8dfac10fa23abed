import { expect, it } from 'vitest';
import { cachedPasses, type CacheKind } from './blockcache.js';
import type { BlockPasses, CanvasCache } from './blockpass.js';
import type { FillRow } from './filling.js';

const V = 2;
const reserved = { maskId: 0, padId: 1, shiftHead: true, vocabulary: V };
const sum = (ids: Iterable<number>): number => [...ids].reduce((total, id) => total + id, 0);

/** Passes whose logits name what was read: the ids of a canvas, or of its cache and its stretch, each with the hidden position. */
function passes(kind: CacheKind = 'dual') {
  const calls: string[] = [];
  const snapshots = new Map<CanvasCache, Int32Array>();
  const logitsOf = (read: number, hidden: readonly number[]): number[] => hidden.flatMap((position) => [read, position]);
  const block: BlockPasses = {
    whole: async (canvases) => {
      calls.push(`whole ${canvases.map(({ canvas }) => canvas.join(' ')).join(' | ')}`);
      const caches = canvases.map(({ canvas }) => {
        const cache = { length: canvas.length, parts: new Map() };
        snapshots.set(cache, canvas);
        return cache;
      });
      return { logits: Float32Array.from(canvases.flatMap(({ canvas, hidden }) => logitsOf(sum(canvas), hidden))), caches };
    },
    stretches: async (all) => {
      calls.push(`stretches ${all.map(({ canvas, start, end }) => canvas.subarray(start, end).join(' ')).join(' | ')}`);
      return Float32Array.from(
        all.flatMap(({ canvas, start, end, hidden, cache }) =>
          logitsOf(1000 * sum(snapshots.get(cache)!) + sum(canvas.subarray(start, end)), hidden),
        ),
      );
    },
  };
  const run = cachedPasses(
    block,
    async (rows) => {
      calls.push(`plain ${rows.map(({ canvas }) => canvas.join(' ')).join(' | ')}`);
      return Float32Array.from(rows.flatMap(({ canvas, positions }) => logitsOf(sum(canvas), [...positions])));
    },
    kind,
  );
  return { calls, run: (...rows: FillRow[]) => run(rows, reserved) };
}

const row = (owner: object, ids: readonly number[], positions: readonly number[], block: readonly number[]): FillRow => ({
  owner,
  canvas: Int32Array.from(ids),
  positions: Int32Array.from(positions),
  block,
});

it('the first pass of a block computes the canvas, the next ones the block with the position that predicts it', async () => {
  const { calls, run } = passes();
  const text = {};
  expect([...(await run(row(text, [2, 5, 0, 0, 0, 0, 0, 0], [2, 3], [2, 3])))]).toEqual([7, 1, 7, 2]);
  expect([...(await run(row(text, [2, 5, 0, 9, 0, 0, 0, 0], [2], [2, 3])))]).toEqual([7014, 1]);
  // The next block sees the tokens of the one before.
  expect([...(await run(row(text, [2, 5, 8, 9, 0, 0, 0, 0], [4], [4, 5])))]).toEqual([24, 3]);
  expect(calls).toEqual(['whole 2 5 0 0 0 0 0 0', 'stretches 5 0 9', 'whole 2 5 8 9 0 0 0 0']);
});

it('texts share passes, each with its own cache, and a text whose cache is missing gets what it would get alone', async () => {
  const { calls, run } = passes();
  const [one, two] = [{}, {}];
  await run(row(one, [2, 5, 0, 0, 0, 0, 0, 0], [2], [2, 3]));
  const both = await run(row(one, [2, 5, 0, 9, 0, 0, 0, 0], [2], [2, 3]), row(two, [2, 6, 0, 4, 0, 0], [2], [2, 3]));
  expect([...both]).toEqual([7014, 1, 8010, 1]);
  expect(calls.slice(1)).toEqual(['whole 2 6 0 0 0 0', 'stretches 5 0 9 | 6 0 4']);
});

it('a block of more than half of its canvas is computed with all of it', async () => {
  const { calls, run } = passes();
  await run(row({}, [2, 5, 0, 9, 0, 0], [2], [2, 3, 4, 5]));
  expect(calls).toEqual(['plain 2 5 0 9 0 0']);
});

it('the prefix cache computes the block with all that stands behind it', async () => {
  const { calls, run } = passes('prefix');
  const text = {};
  await run(row(text, [2, 5, 6, 0, 0, 0, 0, 0], [3, 4], [3, 4]));
  expect([...(await run(row(text, [2, 5, 6, 0, 9, 0, 0, 0], [3], [3, 4])))]).toEqual([13015, 2]);
  // In front of a block near the start there is little that a cache could save.
  await run(row({}, [2, 0, 9, 0, 0, 0, 0, 0], [1], [1, 2]));
  expect(calls).toEqual(['whole 2 5 6 0 0 0 0 0', 'stretches 6 0 9 0 0 0', 'plain 2 0 9 0 0 0 0 0']);
});
