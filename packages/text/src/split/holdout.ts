import type { Document, Paragraph, Section } from '../types.js';

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
  if (!(valSplit >= 0 && valSplit <= 0.9)) throw new RangeError(`expected valSplit from 0 to 0.9, got ${valSplit}`);
  const sections = documents.flatMap((document) => document.sections);
  if (valSplit === 0) return { train: sections, heldOut: [], unit: 'sections' };
  const unit = sections.length < FEW ? 'blocks' : 'sections';
  const train: Section[] = [];
  const heldOut: Section[] = [];
  const share = (k: number) => Math.floor(k * valSplit + 1e-9);
  (unit === 'blocks' ? toBlocks(sections, valSplit, countTokens) : sections).forEach((section, i) =>
    (share(i + 1) > share(i) ? heldOut : train).push(section),
  );
  return { train, heldOut, unit };
}

const encoder = new TextEncoder();
const estimate = (text: string) => Math.ceil(encoder.encode(text).length / BYTES_PER_TOKEN);

function toBlocks(sections: readonly Section[], valSplit: number, countTokens: (text: string) => number): Section[] {
  const sizes = sections.map(({ paragraphs }) => paragraphs.map(({ text }) => countTokens(text)));
  const total = sum(sizes.flat());
  const target = Math.min(BLOCK_TOKENS, total * valSplit);
  return sections.flatMap(({ title, paragraphs }, s) => {
    // Rounded up: three blocks with a share of 0.3 would hold nothing out.
    const pieces = Math.max(1, Math.ceil(sum(sizes[s]!) / target - 1e-9));
    const edge = sum(sizes[s]!) / pieces;
    const blocks: Paragraph[][] = [[]];
    let done = 0;
    paragraphs.forEach((paragraph, p) => {
      // A block ends at the paragraph whose middle passes the edge; that keeps blocks near their size.
      if (blocks.at(-1)!.length > 0 && done + sizes[s]![p]! / 2 > edge * blocks.length) blocks.push([]);
      blocks.at(-1)!.push(paragraph);
      done += sizes[s]![p]!;
    });
    return blocks.map((block) => ({ title, paragraphs: block }));
  });
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
