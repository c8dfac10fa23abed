import { expect, it } from 'vitest';
import { sparkline } from './sparkline.js';

it('draws the lowest and the highest, and averages neighbours where there are more values than columns', () => {
  expect(sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8)).toBe('▁▂▃▄▅▆▇█');
  expect(sparkline([8, 8, 1, 1], 2)).toBe('█▁');
  expect(sparkline([1, 9, 5, 5, 9, 9, 9], 3)).toHaveLength(3);
  expect(sparkline([9, 1, 1, 1, 1, 1], 4)).toBe('█▁▁▁');
});

it('draws equal values as a flat line, and nothing as nothing', () => {
  expect(sparkline([4, 4, 4], 24)).toBe('▁▁▁');
  expect(sparkline([], 24)).toBe('');
});
