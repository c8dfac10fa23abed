import { describe, expect, it } from 'vitest';
import type { Model } from './model.js';
import { resolveSampling, type SamplingOptions } from './options.js';
import { follow } from './prefix.js';

const [MASK, EOS] = [0, 3];
/** Ids from 10: one byte each. */
const tokenizer = { decode: (ids: Int32Array) => Buffer.from([...ids].map((id) => id - 10)).toString('utf8') };
const model = { config: { mask_token_id: MASK, eos_token_id: EOS }, tokenizer } as unknown as Model;

const bytes = (text: string): number[] => [...Buffer.from(text)].map((byte) => byte + 10);

/** The pieces that come as the positions of a text are committed in an order. */
function pieces(
  text: string,
  order: number[],
  options: SamplingOptions & { limit?: number; spaced?: boolean; tail?: number[] } = {},
): string[] {
  const { limit = Infinity, spaced = false, tail = [], ...sampling } = options;
  const full = [...bytes(text), ...tail];
  const canvas = new Int32Array(full.length + 1).fill(MASK);
  canvas[0] = 2;
  const seen: string[] = [];
  const follower = follow({
    model,
    spaced,
    sampling: resolveSampling({}, sampling),
    onText: (piece) => seen.push(piece.text),
  });
  for (const p of order) {
    canvas[p + 1] = full[p]!;
    follower.step({ row: 0, canvas }, { start: 1, length: Math.min(limit, full.length), spaced });
  }
  return seen;
}

describe('pieces of a text', () => {
  it('come when everything before them is committed', () => {
    expect(pieces('abcd', [2, 0, 3, 1])).toEqual(['a', 'bcd']);
    expect(pieces('abc', [2, 1])).toEqual([]);
  });

  it('are whole characters', () => {
    expect(pieces('a€b', [0, 1, 2, 3, 4])).toEqual(['a', '€', 'b']);
  });

  it('end before [EOS], the limit and a stop string', () => {
    expect(pieces('ab', [0, 1, 2], { tail: [EOS] })).toEqual(['a', 'b']);
    expect(pieces('abcd', [0, 1, 2, 3], { limit: 2 })).toEqual(['a', 'b']);
    expect(pieces('ab. c', [0, 1, 2, 3, 4], { stop: ['. '] })).toEqual(['a', 'b']);
  });

  it('wait while they may begin a stop string', () => {
    expect(pieces('ab.c', [0, 1, 2, 3], { stop: ['. ', 'b.d'] })).toEqual(['a', 'b.c']);
  });

  it('go on behind the tokens that stand in front of the canvas', () => {
    const seen: string[] = [];
    const follower = follow({ model, spaced: true, sampling: resolveSampling({}, {}), onText: ({ text }) => seen.push(text) });
    const gap = { start: 1, length: 2, spaced: false };
    follower.step({ row: 0, canvas: Int32Array.from([2, ...bytes(' a')]) }, gap);
    follower.step({ row: 0, canvas: Int32Array.from([2, ...bytes('b'), MASK]) }, gap, bytes(' a'));
    expect(seen).toEqual(['a', 'b']);
  });

  it('do not repeat the space that the prompt ends in', () => {
    expect(pieces(' ab', [0, 1, 2], { spaced: true })).toEqual(['a', 'b']);
  });

  it('come at the end if a later step may mask a committed token again', () => {
    expect(pieces('ab', [0, 1], { sampler: 'ancestral', remasking: 0.1 })).toEqual([]);
    const seen: string[] = [];
    const sampling = resolveSampling({}, { sampler: 'ancestral', remasking: 0.1 });
    const follower = follow({
      model,
      spaced: false,
      sampling,
      onText: ({ text }) => seen.push(text),
    });
    follower.end(0, 'ab');
    expect(seen).toEqual(['ab']);
  });
});
