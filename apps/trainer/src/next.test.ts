import { expect, it } from 'vitest';
import { nextCommands, resultLine } from './next.js';

it('names the model and words of its own text', () => {
  expect(nextCommands('outputs/my-book/model', { prompt: 'The old bridge', gapped: 'The old bridge was ___:2 the winter' })).toEqual([
    'next:',
    '  npx mdiff generate outputs/my-book/model --prompt "The old bridge"',
    '  npx mdiff infill outputs/my-book/model "The old bridge was ___:2 the winter"',
    '  npx mdiff serve outputs/my-book/model --open',
  ]);
  expect(nextCommands('my runs/model', undefined)).toEqual([
    'next:',
    '  npx mdiff generate "my runs/model"',
    '  npx mdiff serve "my runs/model" --open',
  ]);
});

it('the result of a training as one line of JSON', () => {
  const run = { finished: true, step: 8, steps: 9, folder: 'outputs/a' };
  const nelbo = { nelbo: 2, se: 0.1, bitsPerByte: 1.5 } as Parameters<typeof resultLine>[0]['nelbo'];
  expect(JSON.parse(resultLine({ ...run, model: 'outputs/a/model', nelbo, causalBitsPerByte: 1.25 }))).toEqual({
    event: 'result',
    ...run,
    model: 'outputs/a/model',
    nelbo: 2,
    bits_per_byte: 1.5,
    causal_bits_per_byte: 1.25,
  });
  expect(resultLine({ ...run, finished: false })).toBe('{"event":"result","finished":false,"step":8,"steps":9,"folder":"outputs/a"}\n');
});
