import { describe, expect, it } from 'vitest';
import { median } from '../shared/median.js';
import { lossError, ratio, rowsOf, tableOf } from './summary.js';
import type { Measured } from './summary.js';

/** An engine whose rounds took `ms` for `steps` steps each. */
const one = (
  engine: string,
  ms: readonly number[],
  { steps = 1, ours = false, bf16 = false, ...more }: Partial<Measured> & { steps?: number } = {},
): Measured => ({
  engine,
  ours,
  bf16,
  loss: 2,
  peak_mb: 100.4,
  startup_s: 1.234,
  ...more,
  turns: ms.map((ms) => ({ steps, ms })),
});
const numbers = { tokens: 2048, flops: 4e9, peaks: { fp32: 100, bf16: null } };

describe('a comparison', () => {
  it('takes ratios within a round, so that a slow moment of the machine counts for nobody', () => {
    // The machine is three times as slow in the second round.
    const [fast, slow] = [one('a', [10, 30, 10]), one('b', [20, 60, 20])];
    expect(ratio(fast, slow)).toBe(2);
    expect(ratio(slow, fast)).toBe(0.5);
    expect(ratio(fast, fast)).toBe(1);
  });

  it('counts time per step, however many steps a round had', () => {
    const [fast, slow] = [one('a', [100, 100], { steps: 10 }), one('b', [40, 40], { steps: 2 })];
    expect(ratio(fast, slow)).toBe(2);
    expect(rowsOf('s', [fast], numbers)[0]).toMatchObject({ step_ms: 10, tokens_per_s: 204_800 });
  });

  it('compares with the fastest peer of any precision, and with the faster attention of PyTorch in float32', () => {
    const rows = rowsOf(
      's',
      [
        one('onnxruntime', [20], { ours: true }),
        one('torch_eager_fp32_sdpa', [60]),
        one('torch_eager_fp32_explicit', [40]),
        one('torch_eager_bf16_explicit', [10], { bf16: true }),
        one('torch_compile_fp32_sdpa', [30]),
      ],
      numbers,
    );
    const [own, , eager, best] = rows;
    expect(own).toMatchObject({ size: 's', ratio_to_best_peer: 0.5, ratio_to_torch_eager: 2, ratio_to_torch_compile: 1.5 });
    expect(eager).toMatchObject({ ratio_to_best_peer: 0.25, ratio_to_torch_eager: 1 });
    expect(best).toMatchObject({ ratio_to_best_peer: 1, ratio_to_torch_eager: 4 });
  });

  it('has no ratio to an absent engine, and no share of a peak that was not measured', () => {
    expect(rowsOf('s', [one('tfjs_node_bf16', [20], { ours: true, bf16: true })], numbers)[0]).toMatchObject({
      ratio_to_best_peer: null,
      ratio_to_torch_eager: null,
      ratio_to_torch_compile: null,
      share_of_peak: null,
      trace_s: null,
      lower_s: null,
      load_s: null,
    });
  });

  it('gives operations a second, their share of the peak, and the parts of the start-up', () => {
    const startup = { trace: 300, optimize: 200, lower: 150, library: 1000, load: 20 };
    // 4e9 operations in 50 ms are 80 GF/s.
    expect(rowsOf('s', [one('onnxruntime', [50], { ours: true, startup })], numbers)[0]).toMatchObject({
      gflops: 80,
      share_of_peak: 0.8,
      peak_memory_mb: 100,
      startup_s: 1.23,
      trace_s: 0.5,
      lower_s: 0.15,
      load_s: 1.02,
    });
  });

  it('is printed fastest first, every row as wide as the head', () => {
    const table = tableOf(rowsOf('s', [one('slow', [20]), one('fast', [10])], numbers)).split('\n');
    expect(table.slice(1).map((line) => line.split(/ +/)[1])).toEqual(['fast', 'slow']);
    expect(new Set(table.map((line) => line.length)).size).toBe(1);
  });
});

describe('the loss check', () => {
  it('is the largest relative difference', () => {
    expect(lossError([8, 4.04, 2], [8, 4, 2])).toBeCloseTo(0.01, 12);
  });

  it('is NaN, and so never small enough, when a loss is missing or not a number', () => {
    expect(lossError([8, 4], [8, 4, 2])).toBeNaN();
    expect(lossError([8, NaN, 2], [8, 4, 2])).toBeNaN();
  });
});

it('has the middle of two as the median of an even number', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
});
