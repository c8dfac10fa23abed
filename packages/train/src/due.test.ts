import { describe, expect, it } from 'vitest';
import { dueAfter } from './due.js';
import type { StepInfo } from './stages.js';

// Two stages of 6 steps, each of two epochs.
const info = (step: number): StepInfo => {
  const index = Math.floor(step / 6);
  return {
    stage: { index, name: `stage ${index}`, first: 6 * index, steps: 6 },
    epoch: Math.floor((step % 6) / 3),
    range: [0, 1],
    lr: 1,
    dropout: 0,
    attentionDropout: 0,
  };
};
const stages = { steps: 12, infoAt: info };
const training = { patience: 0, eval_every: 0, log_every: 5, save_every: 4 };
const stepsWith = (
  what: 'stageEnd' | 'patience' | 'evaluate' | 'log' | 'save',
  changes: Partial<typeof training> = {},
  hasHeldOut = true,
): number[] =>
  Array.from({ length: 12 }, (_, i) => i + 1).filter(
    (done) => dueAfter(done, stages, { hasHeldOut, training: { ...training, ...changes } })[what],
  );

describe('after a step', () => {
  it('each stage ends with an evaluation, a metric line and a checkpoint', () => {
    expect(stepsWith('stageEnd')).toEqual([6, 12]);
    expect(stepsWith('evaluate')).toEqual([6, 12]);
    expect(stepsWith('log')).toEqual([5, 6, 10, 12]);
    expect(stepsWith('save')).toEqual([4, 6, 8, 12]);
  });

  it('patience needs an evaluation at the end of each epoch', () => {
    expect(stepsWith('patience', { patience: 1 })).toEqual([3, 6, 9, 12]);
    expect(stepsWith('evaluate', { patience: 1, eval_every: 4 })).toEqual([3, 4, 6, 8, 9, 12]);
    expect(stepsWith('patience')).toEqual([]);
  });

  it('without held-out text nothing is evaluated', () => {
    expect(stepsWith('evaluate', { patience: 1, eval_every: 1 }, false)).toEqual([]);
    expect(stepsWith('patience', { patience: 1 }, false)).toEqual([]);
  });
});
