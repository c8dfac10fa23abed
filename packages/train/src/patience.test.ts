import { expect, it } from 'vitest';
import { judgeEpoch } from './patience.js';
import type { Patience } from './patience.js';

const settings = { patience: 2, min_delta: 0.1 };

function judge(figures: readonly (readonly [stage: number, nelbo: number])[]): { patience: Patience; exhausted: boolean }[] {
  let patience: Patience | undefined;
  return figures.map(([stage, nelbo]) => {
    const judgement = judgeEpoch(patience, { stage, nelbo }, settings);
    ({ patience } = judgement);
    return judgement;
  });
}

it('is exhausted after that many epochs in a row without improvement', () => {
  expect(
    judge([
      [0, 5],
      [0, 5.2],
      [0, 4.8],
      [0, 4.9],
      [0, 4.8],
    ]).map(({ exhausted }) => exhausted),
  ).toEqual([false, false, false, false, true]);
});

it('counts an improvement only if it is larger than min_delta, against the best epoch', () => {
  expect(
    judge([
      [0, 5],
      [0, 4.95],
      [0, 4.91],
    ]).at(-1),
  ).toEqual({ patience: { stage: 0, best: 5, bad: 2 }, exhausted: true });
  expect(
    judge([
      [0, 5],
      [0, 4.95],
      [0, 4.89],
    ]).at(-1),
  ).toEqual({ patience: { stage: 0, best: 4.89, bad: 0 }, exhausted: false });
});

it('starts counting again in another stage, and changes no state that it is given', () => {
  const before: Patience = { stage: 0, best: 3, bad: 1 };
  expect(judgeEpoch(before, { stage: 1, nelbo: 6 }, settings)).toEqual({ patience: { stage: 1, best: 6, bad: 0 }, exhausted: false });
  expect(before).toEqual({ stage: 0, best: 3, bad: 1 });
});
