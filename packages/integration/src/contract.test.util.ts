import type { Engine, EngineOptions, TrainState } from '@mdiff/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apart, batchOf, batchesOf, optionsOf, trained, updateOf, variants } from './parity.test.util.js';
import type { BatchShape } from './parity.test.util.js';

// The contract that every engine keeps beside the right numbers, as tests over any of them.

const plain = variants.plain!;
const average = variants.average!;
const copy = ({ params, m, v, ema }: TrainState): TrainState => ({
  params: params.slice(),
  m: m.slice(),
  v: v.slice(),
  ...(ema && { ema: ema.slice() }),
});

/** Sizes of batches that an engine must take. */
export const shapes: readonly BatchShape[] = [
  { rows: 1 },
  { rows: 1e6 },
  { B: 1 },
  { B: 1, S: 1 },
  { B: 7, S: 5 },
  { B: 2, S: 9, rows: 2 },
];

/**
 * `rounding`: how far the loss of a step may be from the mean of the rows' cross-entropies, which are always evaluated in float32; by default that of
 * float32 sums of fewer than 40 numbers near 4.
 */
export function contract(name: string, open: (options: EngineOptions) => Promise<Engine>, { rounding = 1e-5 } = {}): void {
  describe(`the contract of an engine: ${name}`, () => {
    let [engine, other]: Engine[] = [];
    let start: TrainState;
    beforeAll(async () => {
      [engine, other] = [await open(optionsOf(plain)), await open(optionsOf(plain))];
      start = await engine.read();
    });
    afterAll(() => Promise.all([engine?.close(), other?.close()]));
    const reset = (one: Engine): Promise<void> => one.load(copy(start));

    it('shares a step: the average of two engines’ gradients, applied by both, is one engine’s step over both batches', async () => {
      const [a, b] = [engine!, other!];
      await Promise.all([reset(a), reset(b)]);
      const halves = [batchOf(plain, 1, 0), batchOf(plain, 1, 1)] as const;
      await Promise.all([a.grads(halves[0]), b.grads(halves[1])]);
      const [own, theirs] = await Promise.all([a.gradient(), b.gradient()]);
      const mean = own.map((value, i) => (value + theirs[i]!) / 2);
      const results = await Promise.all([a.apply(updateOf(plain, 1), mean), b.apply(updateOf(plain, 1), mean)]);
      const states = await Promise.all([a.read(), b.read()]);
      expect(results[1]).toEqual(results[0]);
      expect(states[1]).toEqual(states[0]);
      await reset(a);
      const both = await a.step(
        halves.map((batch) => ({ ...batch, weights: batch.weights.map((w) => w / 2) })),
        updateOf(plain, 1),
      );
      // Halving is exact in float32, the order in which two gradients and then their squares are added is not: a few units in the last place.
      expect(Math.abs(both.gradNorm - results[0].gradNorm)).toBeLessThan(1e-6);
      expect(apart((await a.read()).params, states[0].params)).toBeLessThan(1e-6);
    });

    it('gives the sum of the gradients since the last update, and zeros after it', async () => {
      const a = engine!;
      await reset(a);
      const zeros = new Float32Array(a.layout.total);
      expect(await a.gradient()).toEqual(zeros);
      await a.grads(batchOf(plain, 1));
      const once = await a.gradient();
      await a.grads(batchOf(plain, 1));
      // Twice a number is exact.
      expect(await a.gradient()).toEqual(once.map((value) => 2 * value));
      expect(apart(once, zeros)).toBeGreaterThan(0);
      await a.apply(updateOf(plain, 1));
      expect(await a.gradient()).toEqual(zeros);
    });

    it('refuses a gradient of another size, and keeps its own', async () => {
      const a = engine!;
      await reset(a);
      await a.grads(batchOf(plain, 1));
      const kept = await a.gradient();
      await expect(a.apply(updateOf(plain, 1), new Float32Array(3))).rejects.toMatchObject({
        code: 'MDIFF_GRADIENT',
        message: expect.stringContaining('got 3') as string,
      });
      expect(await a.gradient()).toEqual(kept);
    });

    it('changes nothing on numbers that are not finite, and goes on as if they had not been', async () => {
      const [a, b] = [engine!, other!];
      await Promise.all([reset(a), reset(b)]);
      await Promise.all([a, b].map((one) => one.step(batchesOf(plain, 1), updateOf(plain, 1))));
      const before = await a.read();
      const batch = batchOf(plain, 2);
      const bad = { ...batch, weights: batch.weights.map((w, i) => (i === 0 ? NaN : w)) };
      expect((await a.step([bad], updateOf(plain, 2))).finite).toBe(false);
      expect((await a.step([batch, bad], updateOf(plain, 2))).finite).toBe(false);
      const infinite = new Float32Array(a.layout.total);
      infinite[3] = Infinity;
      expect((await a.apply(updateOf(plain, 2), infinite)).finite).toBe(false);
      expect(await a.read()).toEqual(before);
      expect(await a.step(batchesOf(plain, 2), updateOf(plain, 2))).toEqual(await b.step(batchesOf(plain, 2), updateOf(plain, 2)));
      expect(await a.read()).toEqual(await b.read());
    });

    it.each(shapes)('takes batches of other sizes: %o', async (shape) => {
      const a = engine!;
      await reset(a);
      const batch = batchOf(plain, 1, 0, shape);
      const ce = await a.evaluate(batch);
      expect(ce.length).toBe(batch.rows.length);
      const { loss, gradNorm, finite } = await a.step([batch], updateOf(plain, 1));
      expect(finite).toBe(true);
      expect(gradNorm).toBeGreaterThan(0);
      expect(Math.abs(ce.reduce((sum, x) => sum + x, 0) / ce.length - loss)).toBeLessThan(rounding);
      expect((await a.step([batch], updateOf(plain, 2))).loss).toBeLessThan(loss);
    });

    it('continues from a state that it has read, average included, as if it had never stopped: to the bit', async () => {
      const [a, b] = [engine!, other!];
      await reset(a);
      for (const step of [1, 2]) await a.step(batchesOf(average, step), updateOf(average, step));
      await b.load(await a.read());
      const next = [await a.step(batchesOf(average, 3), updateOf(average, 3)), await b.step(batchesOf(average, 3), updateOf(average, 3))];
      expect(next[1]).toEqual(next[0]);
      expect(await b.read()).toEqual(await a.read());
    });

    it('computes the same in two threads at once as alone, and again with the same seed', async () => {
      const [a, b] = [engine!, other!];
      await Promise.all([reset(a), reset(b)]);
      const together = await Promise.all([trained(a, plain, 5), trained(b, plain, 5)]);
      await reset(a);
      const alone = await trained(a, plain, 5);
      expect(together[0]).toEqual(alone);
      expect(together[1]).toEqual(alone);
    });

    it('may be closed in the middle of a step: the step ends with one error, others go on', async () => {
      const closing = await open(optionsOf(plain));
      const running = closing.step(batchesOf(plain, 1), updateOf(plain, 1)).then(
        () => 'ended first',
        (error: Error) => error.message,
      );
      await closing.close();
      expect(await running).toMatch(/^(ended first|the worker thread is closed|the child process ended \(.*\))$/);
      await expect(closing.read()).rejects.toThrow(/the worker thread is closed|the child process ended/);
      await reset(engine!);
      expect((await engine!.step(batchesOf(plain, 1), updateOf(plain, 1))).finite).toBe(true);
    });
  });
}
