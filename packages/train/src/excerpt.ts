import type { Prepared } from '@mdiff/prepare';

/** Prompts that fit the text of a run: for its sample, its next commands and its model card. Both stand safely between double quotes in a shell. */
export interface Excerpt {
  /** the opening words of a held-out paragraph */
  prompt: string;
  /** the beginning of a held-out sentence; its gap states its length in tokens */
  gapped: string;
}

const PROMPT_WORDS = 3;
const GAP = { first: 4, words: 2 };
const MOST_WORDS = 14;
const isPlain = (text: string): boolean => /^\p{Lu}[\p{L}\p{N}\s,;:'’—-]+$/u.test(text);

/** @returns undefined where nothing is held out, or no held-out paragraph begins with enough plain words */
export function excerptOf({ heldOut, tokenizer }: Pick<Prepared, 'heldOut' | 'tokenizer'>): Excerpt | undefined {
  for (const { B, S, ids, segments } of heldOut?.batches ?? []) {
    for (let row = 0; row < B; row++) {
      const unit = ids.subarray(row * S, (row + 1) * S).filter((_, i) => segments[row * S + i] === 1);
      const words = tokenizer.decode(unit).trim().split(/\s+/).slice(0, MOST_WORDS);
      const end = words.findIndex((word) => /[.!?]$/.test(word));
      const sentence = end < 0 ? words : words.slice(0, end);
      if (sentence.length < GAP.first + GAP.words + 2 || !isPlain(sentence.join(' '))) continue;
      const gap = sentence.slice(GAP.first, GAP.first + GAP.words).join(' ');
      const length = tokenizer.encode(` ${gap}`).length;
      return {
        prompt: sentence.slice(0, PROMPT_WORDS).join(' '),
        gapped: [...sentence.slice(0, GAP.first), `___:${length}`, ...sentence.slice(GAP.first + GAP.words)].join(' '),
      };
    }
  }
  return undefined;
}
