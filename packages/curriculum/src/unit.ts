import type { DataConfig, StageConfig } from '@mdiff/config';
import { stream } from '@mdiff/diffusion';
import type { Section, Tokenizer } from '@mdiff/text';
import { splitSentences } from '@mdiff/text/sentences';

import { CurriculumError } from './error.js';
import { cutWords, groupSentences } from './split.js';

/** What attention is kept inside: a piece of text of one format. */
export interface Unit {
  /** position in the list it was made in; ties in difficulty are broken by it */
  id: number;
  /** the text's tokens, at least one; no reserved ids */
  tokens: Int32Array;
  /** UTF-8 bytes of the text */
  bytes: number;
  /** index of its section */
  section: number;
  kind: 'prose' | 'verse';
}

export interface UnitOptions {
  format: StageConfig['format_type'];
  data: Pick<DataConfig, 'min_sentence_length' | 'max_sentence_length' | 'sentence_overlap' | 'paragraph_max_sentences'>;
  /** the longest slot a row can hold: `model.max_seq_len` */
  maxSlot: number;
  /** whether a slot starts with [BOS] */
  shiftHead: boolean;
  /** decides which in-between pairs are kept; used when `sentence_overlap` is neither 0 nor 50 */
  seed: number;
}

interface Piece {
  text: string;
  tokens: Int32Array;
}

/** Positions of a slot that the text does not take: [EOS], and [BOS] in front with a shifted head. */
export const slotOverhead = (shiftHead: boolean): number => (shiftHead ? 2 : 1);

/**
 * Cuts sections into units.
 * - `paragraphs`: a paragraph of prose or verse; one with more than `paragraph_max_sentences` sentences, or too long for a slot, becomes pieces of
 *   similar length that end at sentence ends wherever a sentence fits.
 * - `sentences`: sentences of prose of at least `min_sentence_length` tokens; longer than `max_sentence_length` (with [EOS]) are cut at word ends.
 * - `pairs`: neighbouring such sentences of one paragraph; a pair too long for a slot is cut like a paragraph.
 *
 * Headings are no units. Lengths count tokens, except that `max_sentence_length` includes [EOS].
 * @throws CurriculumError when no unit comes out
 */
export function makeUnits(sections: readonly Section[], tokenizer: Tokenizer, options: UnitOptions): Unit[] {
  const { format, data, maxSlot, shiftHead, seed } = options;
  const slot = maxSlot - slotOverhead(shiftHead);
  if (slot < 1) throw new CurriculumError(`model.max_seq_len: expected room for one token in a slot, got ${maxSlot}; make it at least ${slotOverhead(shiftHead) + 1}`);
  const most = Math.max(1, Math.min(slot, data.max_sentence_length - 1));
  const toPiece = (text: string): Piece => ({ text, tokens: tokenizer.encode(text) });
  const rng = stream(seed, 'pairs');
  const units: Unit[] = [];
  sections.forEach(({ paragraphs }, section) => {
    for (const { text, kind } of paragraphs) {
      if (kind === 'heading' || (kind === 'verse' && format !== 'paragraphs')) continue;
      const pieces =
        format === 'paragraphs'
          ? paragraphPieces(text, slot, data.paragraph_max_sentences, toPiece)
          : format === 'sentences'
            ? sentencePieces(text, most, data.min_sentence_length, toPiece)
            : pairPieces(text, most, slot, data, toPiece, () => rng.next());
      for (const piece of pieces) {
        if (piece.tokens.length > 0) units.push({ id: units.length, tokens: piece.tokens, bytes: utf8Length(piece.text), section, kind });
      }
    }
  });
  if (units.length === 0) {
    throw new CurriculumError(`data.source: expected text for units of format "${format}", got none from ${sections.length} sections; use a longer text or a lower data.min_sentence_length (${data.min_sentence_length})`);
  }
  return units;
}

const encoder = new TextEncoder();
const utf8Length = (text: string) => encoder.encode(text).length;

function paragraphPieces(text: string, slot: number, maxSentences: number, toPiece: (text: string) => Piece): Piece[] {
  const whole = toPiece(text);
  // Most paragraphs fit; their sentences need counting only when there could be too many.
  const sentences = splitSentences(text);
  if (whole.tokens.length <= slot && sentences.length <= maxSentences) return [whole];
  const parts = sentences.flatMap((sentence) => cutWords(sentence, slot, toPiece));
  return groupSentences(parts, slot, maxSentences, toPiece);
}

function sentencePieces(text: string, most: number, least: number, toPiece: (text: string) => Piece): Piece[] {
  return splitSentences(text).flatMap((sentence) => cutWords(sentence, most, toPiece).filter(({ tokens }) => tokens.length >= least));
}

function pairPieces(text: string, most: number, slot: number, data: UnitOptions['data'], toPiece: (text: string) => Piece, draw: () => number): Piece[] {
  const sentences = splitSentences(text).map((sentence) => ({ sentence, parts: cutWords(sentence, most, toPiece) }));
  const usable = sentences.map(({ parts }) => parts.every(({ tokens }) => tokens.length >= data.min_sentence_length));
  const pairs: Piece[] = [];
  let taken = -1;
  for (let i = 0; i + 1 < sentences.length; i++) {
    if (!usable[i] || !usable[i + 1]) continue;
    // (1,2), (3,4), … always; the pairs between them with probability sentence_overlap / 50.
    const between = taken === i;
    if (!between) taken = i + 1;
    else if (draw() * 50 >= data.sentence_overlap) continue;
    const pair = toPiece(`${sentences[i]!.sentence} ${sentences[i + 1]!.sentence}`);
    if (pair.tokens.length <= slot) pairs.push(pair);
    else pairs.push(...groupSentences([...sentences[i]!.parts, ...sentences[i + 1]!.parts], slot, 2, toPiece));
  }
  return pairs;
}
