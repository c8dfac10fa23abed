import { expect, it } from 'vitest';
import { excerptOf } from './excerpt.js';

// One token a word, so that the figures can be read off.
function prepared(...rows: string[]): Parameters<typeof excerptOf>[0] {
  const words = [...new Set(rows.flatMap((row) => row.split(' ')))];
  const S = Math.max(...rows.map((row) => row.split(' ').length));
  const ids = Int32Array.from(rows.flatMap((row) => Array.from({ length: S }, (_, i) => words.indexOf(row.split(' ')[i] ?? ''))));
  return {
    heldOut: { batches: [{ B: rows.length, S, ids, segments: ids.map((id) => (id < 0 ? 0 : 1)) }] },
    tokenizer: {
      decode: (given: Int32Array) => Array.from(given, (id) => words[id]).join(' '),
      encode: (text: string) => text.trim().split(' '),
    },
  } as unknown as Parameters<typeof excerptOf>[0];
}

it('takes the opening words of a held-out paragraph, and a gap that states its length', () => {
  expect(excerptOf(prepared('The old bridge was closed for the whole winter. Nobody crossed it'))).toEqual({
    prompt: 'The old bridge',
    gapped: 'The old bridge was ___:2 the whole',
  });
});

it('passes over what is short, is no sentence, or a shell would read', () => {
  expect(
    excerptOf(prepared('Chapter One.', 'He said "$HOME" to all of them and left soon', 'They went down to the harbour in the rain again')),
  ).toEqual({
    prompt: 'They went down',
    gapped: 'They went down to ___:2 in the rain again',
  });
  expect(excerptOf(prepared('Too short.'))).toBeUndefined();
  expect(excerptOf({ ...prepared('x'), heldOut: undefined })).toBeUndefined();
});
