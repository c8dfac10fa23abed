import { expect, test } from 'vitest';
import { decide } from './start.mjs';

test.each([
  ['no run yet', { fresh: false, state: undefined, hasModel: false }, 'train'],
  ['interrupted', { fresh: false, state: 'training', hasModel: false }, 'resume'],
  ['interrupted after an earlier export', { fresh: false, state: 'training', hasModel: true }, 'resume'],
  ['trained, but the export did not end', { fresh: false, state: 'finished', hasModel: false }, 'resume'],
  ['finished', { fresh: false, state: 'finished', hasModel: true }, 'generate'],
  ['finished, asked to start over', { fresh: true, state: 'finished', hasModel: true }, 'fresh'],
  ['nothing to start over from', { fresh: true, state: undefined, hasModel: false }, 'fresh'],
])('%s', (_, situation, choice) => {
  expect(decide(situation)).toBe(choice);
});
