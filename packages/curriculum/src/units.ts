import type { DataConfig, StageConfig } from '@mdiff/config';
import { mustBe } from '@mdiff/arguments';
import { stream, type Rng } from '@mdiff/diffusion';
import type { Section, Tokenizer } from '@mdiff/text';
import { cutParagraph, cutWords, groupSentences, splitSentences, withParts, type Part, type Piece } from '@mdiff/text/sentences';

import { CurriculumError } from './error.js';
import { joinPassages, passageLengths, type PlacedPiece } from './passages.js';

/** One packed example, a piece of text of one format; its tokens attend only to each other. */
export interface Unit {
  /** position in the list it was made in; ties in difficulty are broken by it */
  id: number;
  /** the tokens of its text, at least one; no reserved ids */
  tokens: Int32Array;
  /** UTF-8 bytes of the text; the empty lines between the paragraphs of a passage are not counted, as the end of a unit is not */
  bytes: number;
  /** index of its section */
  section: number;
  kind: 'prose' | 'verse';
  /** the sentences of `listSentences` that it holds, whole or in part; none for verse */
  parts?: readonly Part[];
}

/** A unit and where its text stands. */
export interface CutUnit extends Unit {
  /** the first paragraph of its section that it has text of, and the last */
  paragraphs: readonly [first: number, last: number];
}

export interface UnitOptions {
  format: StageConfig['format_type'];
  data: Pick<DataConfig, 'min_sentence_length' | 'max_sentence_length' | 'sentence_overlap' | 'paragraph_max_sentences'>;
  /** the longest slot a row can hold: `model.max_seq_len` */
  maxSlot: number;
  /** true if a slot starts with [BOS] */
  shiftHead: boolean;
  /** decides which in-between pairs are kept, used when `sentence_overlap` is neither 0 nor 50, and how long passages are */
  seed: number;
  /** true: every passage is as long as fits, as evaluations read them; false or missing: half of them are, the others have a drawn length */
  longest?: boolean;
}

/** Positions of a slot beside the text: [EOS], and [BOS] in front with a shifted head. */
export const slotOverhead = (shiftHead: boolean): number => (shiftHead ? 2 : 1);

/**
 * Cuts sections into units.
 * - `paragraphs`: a paragraph of prose or verse; one with more than `paragraph_max_sentences` sentences, or too long for a slot, becomes pieces of
 *   similar length that end at sentence ends wherever a sentence fits.
 * - `sentences`: sentences of prose of at least `min_sentence_length` tokens; longer ones than `max_sentence_length` (with [EOS]) are cut at word ends.
 * - `pairs`: neighbouring such sentences of one paragraph; a pair too long for a slot is cut like a paragraph.
 * - `passages`: neighbouring paragraphs of one section, joined by an empty line while they fit; a paragraph too long for a slot is cut at sentence ends.
 *
 * Headings are not units. Lengths count tokens; only `max_sentence_length` includes [EOS].
 * @throws CurriculumError when no unit comes out
 */
export function makeUnits(sections: readonly Section[], tokenizer: Tokenizer, options: UnitOptions): Unit[] {
  mustBe('makeUnits', 'sections', sections, 'list');
  mustBe('makeUnits', 'tokenizer', tokenizer, 'object');
  mustBe('makeUnits', 'options', options, 'object');
  const units = [...cutUnits(sections, tokenizer, options)];
  if (units.length === 0) {
    throw new CurriculumError(
      `data.source: expected text for units of format "${options.format}", got none from ${sections.length} sections; use a longer text or a lower data.min_sentence_length (${options.data.min_sentence_length})`,
    );
  }
  return units;
}

/**
 * The units of `makeUnits`, one after another, so that a caller can stop in between. A unit comes from one section, so it never spans two documents, and it
 * depends on nothing but that section: a file gives the same units in every corpus.
 */
export function* cutUnits(sections: readonly Section[], tokenizer: Tokenizer, options: UnitOptions): Generator<CutUnit> {
  mustBe('cutUnits', 'sections', sections, 'list');
  mustBe('cutUnits', 'tokenizer', tokenizer, 'object');
  mustBe('cutUnits', 'options', options, 'object');
  const { format, data, maxSlot, shiftHead, seed, longest = false } = options;
  const slot = maxSlot - slotOverhead(shiftHead);
  if (slot < 1)
    throw new CurriculumError(
      `model.max_seq_len: expected room for one token in a slot, got ${maxSlot}; make it at least ${slotOverhead(shiftHead) + 1}`,
    );
  const most = Math.max(1, Math.min(slot, data.max_sentence_length - 1));
  const toPiece = (text: string): Piece => ({ text, tokens: tokenizer.encode(text) });
  const cutOne = PIECES[format];
  const lengthFor = longest ? (): number => slot : passageLengths(slot, seed);
  let id = 0;
  let first = 0;
  /** The pieces of a section's paragraphs, one after another; their parts number the sentences of the whole text. */
  function* cutSection(paragraphs: Section['paragraphs']): Generator<PlacedPiece> {
    for (const [place, { text, kind }] of paragraphs.entries()) {
      if (kind === 'heading' || (kind === 'verse' && !WHOLE.has(format))) continue;
      const sentences = splitSentences(text);
      let rng: Rng | undefined;
      const limits: Limits = { slot, most, data, toPiece, draw: () => (rng ??= stream(seed, 'pairs', text)).next() };
      for (const { text: pieceText, tokens, parts = [] } of cutOne(text, sentences, limits)) {
        if (tokens.length === 0) continue;
        const numbered = kind === 'verse' ? [] : parts.map((part) => ({ ...part, sentence: first + part.sentence }));
        yield { text: pieceText, tokens, bytes: utf8Length(pieceText), kind, parts: numbered, paragraphs: [place, place] };
      }
      if (kind === 'prose') first += sentences.length;
    }
  }
  for (const [section, { paragraphs: all }] of sections.entries()) {
    const pieces = cutSection(all);
    for (const { tokens, bytes, kind, parts, paragraphs } of format === 'passages' ? joinPassages(pieces, { lengthFor, toPiece }) : pieces)
      yield { id: id++, tokens, bytes, section, paragraphs, kind, parts };
  }
}

interface Limits {
  /** tokens that fit into a slot */
  slot: number;
  /** tokens of the longest sentence */
  most: number;
  data: UnitOptions['data'];
  toPiece: (text: string) => Piece;
  /** uniform in [0, 1) */
  draw: () => number;
}

/** The formats that take every paragraph whole where it fits; the others take sentences of prose. */
const WHOLE: ReadonlySet<UnitOptions['format']> = new Set(['paragraphs', 'passages']);

/** Cuts one paragraph into the pieces of each format. Parts number the sentences inside the paragraph. */
const PIECES: Readonly<Record<UnitOptions['format'], (text: string, sentences: readonly string[], limits: Limits) => Piece[]>> = {
  paragraphs: (text, sentences, { slot, data, toPiece }) =>
    cutParagraph(text, sentences, { slot, maxSentences: data.paragraph_max_sentences, toPiece }),
  sentences: (_, sentences, limits) => sentencePieces(sentences, limits),
  pairs: (_, sentences, limits) => pairPieces(sentences, limits),
  passages: (text, sentences, { slot, toPiece }) => cutParagraph(text, sentences, { slot, maxSentences: Infinity, toPiece }),
};

const encoder = new TextEncoder();
const utf8Length = (text: string) => encoder.encode(text).length;

function sentencePieces(sentences: readonly string[], { most, data, toPiece }: Limits): Piece[] {
  return sentences.flatMap((sentence, i) =>
    withParts(cutWords(sentence, most, toPiece), i).filter(({ tokens }) => tokens.length >= data.min_sentence_length),
  );
}

function pairPieces(texts: readonly string[], { slot, most, data, toPiece, draw }: Limits): Piece[] {
  const sentences = texts.map((sentence, i) => ({ sentence, pieces: withParts(cutWords(sentence, most, toPiece), i) }));
  const usable = sentences.map(({ pieces }) => pieces.every(({ tokens }) => tokens.length >= data.min_sentence_length));
  const pairs: Piece[] = [];
  let taken = -1;
  for (let i = 0; i + 1 < sentences.length; i++) {
    if (!usable[i] || !usable[i + 1]) continue;
    // (1,2), (3,4), … always; the pairs between them with probability sentence_overlap / 50.
    const between = taken === i;
    if (!between) taken = i + 1;
    else if (draw() * 50 >= data.sentence_overlap) continue;
    const pair = toPiece(`${sentences[i]!.sentence} ${sentences[i + 1]!.sentence}`);
    const members = [...sentences[i]!.pieces, ...sentences[i + 1]!.pieces];
    if (pair.tokens.length <= slot) pairs.push({ ...pair, parts: members.flatMap(({ parts }) => parts!) });
    else pairs.push(...groupSentences(members, slot, 2, toPiece));
  }
  return pairs;
}
