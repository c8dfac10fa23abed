import { Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { fastest, type Graph } from './fastest.js';

/** Graphs whose passes take as long as `ms` says of their way, on a clock of their own, and 20 ms to load. */
async function machine(ways: number, ms: (way: number, texts: number) => number, gone: readonly number[] = []) {
  let time = 0;
  const taken: number[] = [];
  const loaded: number[] = [];
  const loadWay = async (way: number): Promise<Graph> => {
    loaded.push(way);
    time += 20;
    return {
      inputNames: [],
      inputMetadata: [],
      outputMetadata: [],
      async run({ input_ids: ids }) {
        time += ms(way, ids!.dims[0]!);
        taken.push(way);
        return {};
      },
    };
  };
  const more = Array.from({ length: ways - 1 }, (_, i) => async () => (gone.includes(i + 1) ? null : loadWay(i + 1)));
  const graph = await fastest(
    () => loadWay(0),
    more,
    () => time,
  );
  return {
    loaded,
    /** the ways of so many passes */
    async passes(count: number, texts = 1): Promise<number[]> {
      taken.length = 0;
      const ids = new Tensor('int32', new Int32Array(texts), [texts, 1]);
      for (let i = 0; i < count; i++) await graph.run({ input_ids: ids });
      return [...taken];
    },
  };
}

const share = (ways: readonly number[], way: number): number => ways.filter((one) => one === way).length / ways.length;

it('takes the way that is fastest for passes of a size, once they have taken longer than loading it does', async () => {
  const { passes, loaded } = await machine(2, (way, texts) => (texts > 4 ? [2, 4] : [2, 1])[way]!);
  expect(await passes(11)).toEqual(new Array(11).fill(0));
  expect(loaded).toEqual([0]);
  await passes(20);
  expect(loaded).toEqual([0, 1]);
  expect(share(await passes(200), 1)).toBeGreaterThan(0.9);
  await passes(20, 8);
  expect(share(await passes(200, 8), 0)).toBeGreaterThan(0.9);
});

it('follows a machine that changes', async () => {
  let busy = false;
  const { passes } = await machine(2, (way) => (way === 0 ? (busy ? 9 : 1) : 2));
  await passes(600);
  expect(share(await passes(600), 0)).toBeGreaterThan(0.98);
  busy = true;
  await passes(600);
  expect(share(await passes(600), 1)).toBeGreaterThan(0.95);
});

it('goes from way to neighbouring way, and loads none beyond one that is slower', async () => {
  const downhill = await machine(4, (way) => [8, 4, 2, 1][way]!);
  await downhill.passes(400);
  expect(share(await downhill.passes(400), 3)).toBeGreaterThan(0.9);
  const uphill = await machine(4, (way) => [1, 2, 4, 8][way]!);
  await uphill.passes(400);
  expect(uphill.loaded).toEqual([0, 1]);
});

it('stays with the way that it has where another can no longer be loaded', async () => {
  const { passes, loaded } = await machine(3, (way) => [4, 2, 1][way]!, [2]);
  await passes(400);
  expect(await passes(100)).toEqual(new Array(100).fill(1));
  expect(loaded).toEqual([0, 1]);
});
