import { assemble, packRows } from '@mdiff/curriculum';
import type { Batch, Unit } from '@mdiff/curriculum';
import type { StepBatch } from '@mdiff/engine';
import { describe, expect, it } from 'vitest';
import { MASK, causalStep, maskedStep } from './objective.js';

const units: Unit[] = Array.from({ length: 9 }, (_, id) => ({
  id,
  tokens: Int32Array.from({ length: 3 + id }, (_, i) => 10 + 20 * id + i),
  bytes: 10,
  section: 0,
  kind: 'prose',
}));

function batches(shiftHead: boolean): Batch[] {
  const shape = { length: 16, shiftHead };
  const { rows } = packRows(units, shape);
  return [assemble(rows.slice(0, 2), 2, shape), assemble(rows.slice(2, 4), 2, shape), assemble(rows.slice(4), 4, shape)];
}

const objective = {
  seed: 3,
  step: 7,
  range: [0.3, 0.6] as const,
  fullRangeFraction: 0.2,
  training: { time_sampling: 'low_discrepancy', mask_sampling: 'exact_count', loss_weighting: 'elbo', complementary_masks: false } as const,
};

describe('the masked step', () => {
  it.each([true, false])('masks exactly the targets; each loss position predicts its target (shift_head %s)', (shiftHead) => {
    const clean = batches(shiftHead);
    const noised = maskedStep(clean, { ...objective, shiftHead });
    noised.forEach((batch, pass) => {
      const hidden = new Set<number>();
      batch.rows.forEach((row, i) => {
        const position = row + (shiftHead ? 1 : 0);
        hidden.add(position);
        expect(batch.targets[i]).toBe(clean[pass]!.ids[position]);
        expect(batch.ids[position]).toBe(MASK);
      });
      batch.ids.forEach((id, position) => {
        if (!hidden.has(position)) expect(id).toBe(clean[pass]!.ids[position]);
      });
    });
  });

  it('normalises once over the whole step: with weight n/k each unit counts its length', () => {
    const noised = maskedStep(batches(true), { ...objective, shiftHead: true });
    const total = noised.flatMap(({ weights }) => [...weights]).reduce((a, b) => a + b, 0);
    // Float32 weights: 1e-6 covers their rounding.
    expect(total).toBeCloseTo(1, 6);
  });

  it('never touches the clean batch, [BOS] or padding', () => {
    const clean = batches(true);
    const before = clean.map(({ ids }) => [...ids]);
    const noised = maskedStep(clean, { ...objective, range: [1, 1], fullRangeFraction: 0, shiftHead: true });
    expect(clean.map(({ ids }) => [...ids])).toEqual(before);
    for (const batch of noised) batch.ids.forEach((id, i) => expect([MASK, 1, 2]).toContain(batch.segments[i] === 0 ? 1 : id));
  });

  it('depends on the step and the seed, and on nothing else', () => {
    const rows = (seed: number, step: number): number[][] =>
      maskedStep(batches(true), { ...objective, seed, step, shiftHead: true }).map((batch) => [...batch.rows]);
    expect(rows(3, 7)).toEqual(rows(3, 7));
    expect(rows(3, 8)).not.toEqual(rows(3, 7));
    expect(rows(4, 7)).not.toEqual(rows(3, 7));
  });

  it.each([
    ['mask_sampling', { mask_sampling: 'bernoulli' }],
    ['loss_weighting', { loss_weighting: 'uniform' }],
    ['time_sampling', { time_sampling: 'uniform' }],
    ['time_sampling bell', { time_sampling: 'bell' }],
  ] as const)('%s changes what is learnt from', (_, change) => {
    const make = (training: object): unknown =>
      maskedStep(batches(true), { ...objective, training: { ...objective.training, ...training } as never, shiftHead: true }).map(
        ({ rows, weights }) => [[...rows], [...weights]],
      );
    expect(make(change)).not.toEqual(make({}));
  });
});

describe('complementary masks', () => {
  const pairs = (training: object = {}): StepBatch[] =>
    maskedStep(batches(true), {
      ...objective,
      training: { ...objective.training, complementary_masks: true, ...training },
      shiftHead: true,
    });

  it.each(['bernoulli', 'exact_count'] as const)(
    '%s: a batch and its second view hide each token once, of each unit t and 1 − t',
    (mask_sampling) => {
      const clean = batches(true);
      const views = pairs({ mask_sampling });
      expect(views.length).toBe(2 * clean.length);
      const first = maskedStep(clean, { ...objective, training: { ...objective.training, mask_sampling }, shiftHead: true });
      clean.forEach((batch, pass) => {
        const [view, other] = [views[pass]!, views[clean.length + pass]!];
        // The masks of the first view are those of a step without the second.
        expect([...view.ids]).toEqual([...first[pass]!.ids]);
        for (const unit of batch.units) {
          const base = unit.row * batch.S + unit.maskableStart;
          const hidden = [view, other].map(({ ids }) => [...ids.subarray(base, base + unit.length)].map((id) => Number(id === MASK)));
          expect(hidden[0]!.map((one, i) => one + hidden[1]![i]!)).toEqual(new Array(unit.length).fill(1));
        }
        expect([...view.targets, ...other.targets].length).toBe(batch.units.reduce((sum, { length }) => sum + length, 0));
        expect([...other.rows].every((row, i) => other.targets[i] === batch.ids[row + 1])).toBe(true);
      });
    },
  );

  it('weigh the two views of a step as one mean: with n/k each view of a unit counts its length', () => {
    const total = pairs()
      .flatMap(({ weights }) => [...weights])
      .reduce((a, b) => a + b, 0);
    // No unit here is masked as a whole, whose second view would count nothing. Float32 weights: 1e-6 covers their rounding.
    expect(total).toBeCloseTo(1, 6);
  });
});

describe('the causal step', () => {
  it('makes every token a target of the position before it', () => {
    const clean = batches(true);
    const steps = causalStep(clean);
    expect(steps.every(({ causal }) => causal === 1)).toBe(true);
    expect(steps.flatMap(({ targets }) => [...targets]).length).toBe(units.reduce((sum, { tokens }) => sum + tokens.length + 1, 0));
    steps.forEach((step, pass) => step.rows.forEach((row, i) => expect(step.targets[i]).toBe(clean[pass]!.ids[row + 1])));
    expect(steps.flatMap(({ weights }) => [...weights]).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5); // float32 weights
    expect(steps.map(({ ids }) => [...ids])).toEqual(clean.map(({ ids }) => [...ids]));
  });
});
