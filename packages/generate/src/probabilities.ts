// How likely the tokens of a new text were when they were committed.
import type { Alternative } from '@mdiff/diffusion';
import type { Step } from './fill.js';
import type { Model } from './model.js';

/** A token of a new text. */
export interface TokenProbability {
  readonly id: number;
  /**
   * Given the canvas at the token's commit: at temperature 1, before topK and topP, under the rules of the call. Samplers commit in any order, so
   * that the product over a text is no probability of the text; with sampler `causal` it is. null: the token was given (`wordsAt`).
   */
  readonly probability: number | null;
  /** the likeliest tokens of its place at that moment, likeliest first */
  readonly alternatives: readonly Alternative[];
}

interface Recorder {
  step(step: Step): void;
  /** the tokens `ids` of a text, the first of which has place `first` among the tokens of the whole text */
  of(row: number, ids: ArrayLike<number>, first: number): TokenProbability[];
}

/** Remembers the last commit of each place of each text. */
export function recordProbabilities(): Recorder {
  const rows = new Map<number, Map<number, Omit<TokenProbability, 'id'>>>();
  return {
    step({ row, commits, remasked, offset, dropped }) {
      const places = rows.get(row) ?? new Map<number, Omit<TokenProbability, 'id'>>();
      rows.set(row, places);
      for (const position of remasked) places.delete(position - offset + dropped);
      for (const { position, probability, alternatives = [] } of commits)
        places.set(position - offset + dropped, { probability, alternatives });
    },
    of: (row, ids, first) =>
      Array.from(ids, (id, i) => ({ id, ...(rows.get(row)?.get(first + i) ?? { probability: null, alternatives: [] }) })),
  };
}

/** The tokens that begin before the end of `completion`, which a stop string may have cut. */
export function within(
  tokens: TokenProbability[],
  { completion, whole, spaced }: { completion: string; whole: string; spaced: boolean },
  { tokenizer }: Pick<Model, 'tokenizer'>,
): TokenProbability[] {
  if (completion === whole) return tokens;
  const end = new TextEncoder().encode(completion).length + (spaced ? 1 : 0);
  let start = 0;
  return tokens.filter(({ id }) => {
    const begins = start < end;
    start += tokenizer.bytes(id).length;
    return begins;
  });
}
