import { projectConfig } from '@mdiff/config';
import { expect, it } from 'vitest';
import { passesLeft, workloadOf } from './workload.js';

const config = projectConfig({ model: { d_model: 64, n_layers: 2, n_heads: 2, d_ff: 128, vocab_size: 4096, max_seq_len: 64 } });
const stages = (causal: (step: number) => boolean) => ({
  steps: 1000,
  isCausal: causal,
  infoAt: () => ({ range: [0.2, 0.4] as const }) as never,
});

it('the work of all steps is their number, and equal steps are equal', () => {
  const { between } = workloadOf(
    config,
    stages(() => false),
  );
  expect(between(0, 1000)).toBeCloseTo(1000, 6);
  expect(between(100, 101)).toBeCloseTo(1, 6);
});

it('next-token steps, with a loss at every position, are more work: the time left at their end is not over-estimated', () => {
  const { between } = workloadOf(
    config,
    stages((step) => step < 333),
  );
  const [first, later] = [between(10, 11), between(900, 901)];
  // The head is 262,144 multiplications a position, the blocks about 90,000.
  expect(first / later).toBeGreaterThan(1.8);
  expect(between(0, 1000)).toBeCloseTo(1000, 6);
  expect(between(333, 1000)).toBeLessThan(600);
});

it('a masked step with complementary masks passes its rows twice', () => {
  const both = config.with({ training: { complementary_masks: true } });
  const { between } = workloadOf(
    both,
    stages((step) => step < 500),
  );
  // Twice the blocks, and the head at every position once: (2 · 90,000 + 262,144) / (90,000 + 262,144).
  const ratio = between(900, 901) / between(10, 11);
  expect(ratio).toBeGreaterThan(1.2);
  expect(ratio).toBeLessThan(1.3);
});

it('steps of two objectives in turn are averaged', () => {
  const { between } = workloadOf(
    config,
    stages((step) => step % 2 === 0),
  );
  expect(between(0, 500)).toBeCloseTo(500, 0);
});

it('counts the evaluations to come: periodic ones, those at stage ends, and the last with several masks', () => {
  const plan = {
    steps: 1000,
    list: [
      { name: 'a', steps: 450 },
      { name: 'b', steps: 550 },
    ],
    infoAt: undefined as never,
  };
  const at = (done: number, eval_every: number): number => passesLeft(done, plan, { training: { ...config.training, eval_every } });
  expect(at(0, 200)).toBe(4 + 1 + 4);
  expect(at(500, 200)).toBe(2 + 4);
  expect(at(0, 0)).toBe(1 + 4);
  expect(at(1000, 200)).toBe(0);
});
