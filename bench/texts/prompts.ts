import { splitSentences } from '@mdiff/text/sentences';
import { spread } from '../shared/heldout.js';

/** A held-out sentence with words left out. */
export interface Gapped {
  readonly before: string;
  /** what stood there */
  readonly words: string;
  readonly after: string;
}

const GAP = { from: 5, words: 3, least: 12, most: 30 };
const PROMPT_WORDS = 8;

const blanks = /\s+/;

/** `count` held-out sentences of 12 to 30 words, spread evenly, each without its sixth, seventh and eighth word. */
export function gappedOf(paragraphs: readonly string[], count: number): Gapped[] {
  const sentences = paragraphs
    .flatMap((text) => splitSentences(text))
    .map((sentence) => sentence.split(blanks))
    .filter(({ length }) => length >= GAP.least && length <= GAP.most);
  return spread(sentences.length, Math.min(count, sentences.length)).map((place) => {
    const words = sentences[place]!;
    const end = GAP.from + GAP.words;
    return {
      before: `${words.slice(0, GAP.from).join(' ')} `,
      words: words.slice(GAP.from, end).join(' '),
      after: ` ${words.slice(end).join(' ')}`,
    };
  });
}

/** The first eight words of `count` held-out paragraphs of at least twenty, spread evenly. */
export function promptsOf(paragraphs: readonly string[], count: number): string[] {
  const usable = paragraphs.map((text) => text.split(blanks)).filter(({ length }) => length >= 20);
  return spread(usable.length, Math.min(count, usable.length)).map((place) => usable[place]!.slice(0, PROMPT_WORDS).join(' '));
}
