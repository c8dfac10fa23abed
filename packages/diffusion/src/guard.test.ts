import { expect, it } from 'vitest';
import { samplingOptions } from './options.js';
import { stream } from './random.js';
import { scorer } from './score.js';

const [MASK, SPACE_WORD, PIECE, RARE_PIECE, STOP] = [0, 1, 2, 3, 4];
/** A word behind a space ends in a letter; pieces start and end with one. */
const letters = Uint8Array.from([0, 2, 3, 3, 0]);
const logits = Float32Array.from([-9, 2, 1, -1, 0]);

/** The ids that are drawn behind `before`. */
function drawn(before: number | null, wordGuard: number, temperature = 1): Set<number> {
  const canvas = Int32Array.from(before === null ? [MASK] : [before, MASK]);
  const options = samplingOptions({ letters, wordGuard, temperature });
  const score = scorer({ canvas, maskId: MASK, positions: Int32Array.of(canvas.length - 1), logits: () => logits }, options);
  score.load(0);
  const rng = stream(1);
  return new Set(Array.from({ length: 400 }, () => score.draw(rng)));
}

it('keeps unlikely pieces from going on inside a word and words from standing twice, and nothing else', () => {
  const all = new Set([SPACE_WORD, PIECE, RARE_PIECE, STOP]);
  expect(drawn(SPACE_WORD, 0)).toEqual(all);
  // exp(1 − 2) = 0.37 and exp(−1 − 2) = 0.05 of the most likely id
  expect(drawn(SPACE_WORD, 0.2)).toEqual(new Set([PIECE, STOP]));
  expect(drawn(PIECE, 0.5)).toEqual(new Set([SPACE_WORD, STOP]));
  expect(drawn(PIECE, 0.5, 3)).toEqual(new Set([SPACE_WORD, STOP]));
  // Behind a mask, a word may stand; behind a full stop and at the start of a text, a piece begins a word.
  expect(drawn(MASK, 0.5)).toEqual(new Set([SPACE_WORD, STOP]));
  expect(drawn(STOP, 0.5)).toEqual(all);
  expect(drawn(RARE_PIECE, 0.01)).toEqual(new Set([SPACE_WORD, PIECE, STOP]));
  expect(drawn(null, 0.5)).toEqual(all);
});
