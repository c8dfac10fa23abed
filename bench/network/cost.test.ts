import { describe, expect, it } from 'vitest';
import { MESSAGES, bandwidthOf, calibrate, efficiencyOf, secondsOf } from './cost.js';
import type { Costs, Step } from './cost.js';

const free: Costs = { latency: 0, message: 0, byte: { float32: 0, bfloat16: 0 }, parameter: 0, share: 1 };
const step: Step = { parameters: 1e6, ranks: 2, passes: 1, pass: 1, exchange: 'float32', bandwidth: 1e6 };

describe('the cost of a step', () => {
  it('is that of its passes on one rank, and where nothing else costs', () => {
    expect(secondsOf({ ...step, ranks: 1, passes: 3 }, free)).toBe(3);
    expect(efficiencyOf({ ...step, bandwidth: Infinity }, free)).toBe(1);
  });

  it('has 8 P (N - 1) / N bytes in float32, and half in bfloat16', () => {
    expect(secondsOf(step, free)).toBeCloseTo(1 + 4, 10);
    expect(secondsOf({ ...step, ranks: 4 }, free)).toBeCloseTo(1 + 6, 10);
    expect(secondsOf({ ...step, exchange: 'bfloat16' }, free)).toBeCloseTo(1 + 2, 10);
  });

  it('sends a gradient for each pass in order, which passes hide where they last as long', () => {
    const ordered = { ...step, exchange: 'ordered' as const };
    expect(secondsOf(ordered, free)).toBe(secondsOf(step, free));
    expect(secondsOf({ ...ordered, passes: 4, pass: 2 }, free)).toBeCloseTo(8 + 4, 10);
    expect(secondsOf({ ...ordered, passes: 4, pass: 0.5 }, free)).toBeCloseTo(2 + 3 * 1.5 + 4, 10);
  });

  it('has messages that grow with the ranks, not with the chunks of many ranks', () => {
    const messages = { ...free, message: 1 };
    const quick = { ...step, pass: 0, bandwidth: Infinity };
    expect(secondsOf({ ...quick, ranks: 8 }, messages)).toBe(2 * 4 * 7);
    expect(secondsOf({ ...quick, ranks: 1024 }, messages)).toBe(2 * 1023);
  });
});

it('takes a share of a link, and no limit from none', () => {
  expect(bandwidthOf(1, { share: 0.8 })).toBeCloseTo(1e8, 5);
  expect(bandwidthOf(0, { share: 0.8 })).toBe(Infinity);
});

it('finds the costs again that made the samples', () => {
  const parameters = 4e6;
  const costs: Costs = { latency: 0.004, message: 0.0001, byte: { float32: 2e-9, bfloat16: 5e-9 }, parameter: 1e-8, share: 0.8 };
  const sample = (exchange: string, numbers: number, link_gbit = 0) => {
    const half = exchange === 'bfloat16';
    const ms = 8 + (numbers === parameters ? 1000 * numbers * (half ? 2 * 5e-9 : 4 * 2e-9) : 0);
    const link = link_gbit > 0 ? (1000 * 4 * numbers * 8) / (link_gbit * 1e9 * 0.8) : 0;
    return { link_gbit, exchange, numbers, ms: link > 0 ? 8 + link : ms, cpu_ms: ms };
  };
  const exchanges = ['float32', 'bfloat16'].flatMap((exchange) => [1024, parameters].map((numbers) => sample(exchange, numbers)));
  exchanges.push({ link_gbit: 0, exchange: 'messages', numbers: MESSAGES, ms: 0, cpu_ms: MESSAGES * 1000 * (0.0001 + 2 ** 14 * 2e-9) });
  exchanges.push(sample('float32', parameters, 1), sample('float32', parameters, 0.1));
  const cpu_ms = 500 + exchanges[1]!.ms + 40;
  const found = calibrate(
    parameters,
    exchanges,
    [{ link_gbit: 0, passes: 1, exchange: 'float32', step_ms: cpu_ms, efficiency: 1, cpu_ms, one_cpu_ms: 500 }],
    'cpu_ms',
  );
  for (const [a, b] of [
    [found.latency, costs.latency],
    [found.message, costs.message],
    [found.byte.float32, costs.byte.float32],
    [found.byte.bfloat16, costs.byte.bfloat16],
    [found.parameter, costs.parameter],
    [found.share, costs.share],
  ] as const)
    expect(a / b).toBeCloseTo(1, 6);
});
