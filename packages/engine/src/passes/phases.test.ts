import { expect, it } from 'vitest';
import { phases, timed } from './phases.js';

it('sums the time of each phase, also if it is asynchronous or fails', async () => {
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const before = phases();
  expect(timed('trace', () => 5)).toBe(5);
  expect(await timed('load', async () => (await pause(20), 6))).toBe(6);
  await expect(timed('load', () => pause(20).then(() => Promise.reject(new Error('no'))))).rejects.toThrow('no');
  const after = phases();
  // Timers may fire a millisecond early by this clock.
  expect(after.load - before.load).toBeGreaterThan(37);
  expect(after.trace).toBeGreaterThan(before.trace);
  expect(after.lower).toBe(before.lower);
});
