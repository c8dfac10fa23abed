import { mustBe } from '@mdiff/arguments';
import type { Document, Section } from '../types.js';

const FEW = 20;
const BLOCK_TOKENS = 2000;
const BYTES_PER_TOKEN = 4;

export interface Split {
  train: Section[];
  heldOut: Section[];
  /** The pieces that were held out or kept whole: chapters, or, with fewer than 20 of them, blocks of whole paragraphs. */
  unit: 'sections' | 'blocks';
}

/**
 * Sets aside a share of the text, evenly spaced: document k (from 1) when ⌊k·share + 10⁻⁹⌋ > ⌊(k−1)·share + 10⁻⁹⌋, so 0.1 takes the 10th, 20th, ….
 * The documents of a book are its chapters. With fewer than 20 chapters they are blocks of whole paragraphs of about 2,000 tokens (a block never crosses
 * a chapter), and smaller blocks in a text too short for one held-out block of that size. Runs before tokenizer training, pairing and scoring.
 *
 * @param valSplit share to hold out, 0 to 0.9
 * @param countTokens length of a text in tokens; by default UTF-8 bytes / 4, since the split comes before the tokenizer
 * @throws RangeError for a share out of range
 */
export function holdOut(documents: readonly Document[], valSplit: number, countTokens: (text: string) => number = estimate): Split {
  mustBe('holdOut', 'documents', documents, 'list');
  mustBe('holdOut', 'valSplit', valSplit, 'number');
  mustBe('holdOut', 'countTokens', countTokens, 'function');
  const sections = documents.flatMap((document) => document.sections);
  const sizes = (): number[][] => sections.map(({ paragraphs }) => paragraphs.map(({ text }) => countTokens(text)));
  const { unit, pieces } = splitSections(
    sections.map(({ paragraphs }) => paragraphs.length),
    valSplit,
    sizes,
  );
  const part = (held: boolean): Section[] =>
    pieces.flatMap(({ section, from, to, heldOut }): Section[] => {
      if (heldOut !== held) return [];
      const { title, paragraphs } = sections[section]!;
      return [unit === 'sections' ? sections[section]! : { title, paragraphs: paragraphs.slice(from, to) }];
    });
  return { train: part(false), heldOut: part(true), unit };
}

/** Paragraphs `from` to `to` (exclusive) of a section: a document of the split. */
export interface SplitPiece {
  section: number;
  from: number;
  to: number;
  heldOut: boolean;
}

/** The split of `holdOut` from the numbers alone: the paragraphs of each section and, asked for only where blocks are made, the tokens of each. */
export function splitSections(
  paragraphs: readonly number[],
  valSplit: number,
  sizes: () => readonly (readonly number[])[],
): { unit: Split['unit']; pieces: SplitPiece[] } {
  mustBe('splitSections', 'paragraphs', paragraphs, 'list');
  mustBe('splitSections', 'valSplit', valSplit, 'number');
  mustBe('splitSections', 'sizes', sizes, 'function');
  if (!(valSplit >= 0 && valSplit <= 0.9)) throw new RangeError(`expected valSplit from 0 to 0.9, got ${valSplit}`);
  const blocks = valSplit > 0 && paragraphs.length < FEW;
  const share = (k: number) => Math.floor(k * valSplit + 1e-9);
  const pieces = blocks ? toBlocks(sizes(), valSplit) : paragraphs.map((to, section) => ({ section, from: 0, to }));
  return {
    unit: blocks ? 'blocks' : 'sections',
    pieces: pieces.map((piece, i) => ({ ...piece, heldOut: share(i + 1) > share(i) })),
  };
}

const encoder = new TextEncoder();
const estimate = (text: string) => tokensOfBytes(encoder.encode(text).length);

/** Tokens of a text of so many UTF-8 bytes, before there is a tokenizer. */
export const tokensOfBytes = (bytes: number): number => {
  mustBe('tokensOfBytes', 'bytes', bytes, 'number');
  return Math.ceil(bytes / BYTES_PER_TOKEN);
};

function toBlocks(sizes: readonly (readonly number[])[], valSplit: number): Omit<SplitPiece, 'heldOut'>[] {
  const total = sum(sizes.flat());
  const target = Math.min(BLOCK_TOKENS, total * valSplit);
  return sizes.flatMap((lengths, section) => {
    // Rounded up: three blocks with a share of 0.3 would hold nothing out.
    const pieces = Math.max(1, Math.ceil(sum(lengths) / target - 1e-9));
    const edge = sum(lengths) / pieces;
    const blocks = [{ section, from: 0, to: 0 }];
    let done = 0;
    lengths.forEach((length, p) => {
      const last = blocks.at(-1)!;
      // A block ends at the paragraph whose middle passes the edge; that keeps blocks near their size.
      if (last.to > last.from && done + length / 2 > edge * blocks.length) blocks.push({ section, from: p, to: p + 1 });
      else last.to = p + 1;
      done += length;
    });
    return blocks;
  });
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
