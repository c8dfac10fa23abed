import { expect, it } from 'vitest';
import { addLoss } from './spike.js';
import type { LossMean } from './spike.js';

/** The places of the spikes in a list of losses. */
function spikes(losses: readonly number[], of: (i: number) => string = () => 'text'): number[] {
  let mean: LossMean | undefined;
  return losses.flatMap((loss, i) => {
    const { after, spike } = addLoss(mean, of(i), loss);
    mean = after;
    return spike ? [i] : [];
  });
}
const level = (count: number, loss = 5): number[] => new Array<number>(count).fill(loss);

it('reports a loss of three times the running mean, once', () => {
  expect(spikes([...level(30), 14.9, ...level(5)])).toEqual([]);
  expect(spikes([...level(30), 16, 17, ...level(5), 16])).toEqual([30]);
  expect(spikes([...level(30), 16, ...level(250), 16])).toEqual([30, 281]);
});

it('waits until there is a mean, and begins anew with a stage', () => {
  expect(spikes([...level(10), 50])).toEqual([]);
  expect(spikes([...level(30, 1), ...level(30, 9)], (i) => (i < 30 ? 'one' : 'two'))).toEqual([]);
});
