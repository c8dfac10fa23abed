import { expect, it } from 'vitest';
import { nextCommands } from './next.js';

it('names the model and words of its own text', () => {
  expect(nextCommands('outputs/my-book/model', { prompt: 'The old bridge', gapped: 'The old bridge was ___:2 the winter' })).toEqual([
    'next:',
    '  npx mdiff generate outputs/my-book/model --prompt "The old bridge"',
    '  npx mdiff infill outputs/my-book/model "The old bridge was ___:2 the winter"',
    '  npx mdiff serve outputs/my-book/model --port 8080',
  ]);
  expect(nextCommands('my runs/model', undefined)).toEqual([
    'next:',
    '  npx mdiff generate "my runs/model"',
    '  npx mdiff serve "my runs/model" --port 8080',
  ]);
});
