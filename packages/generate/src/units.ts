// Cuts a text into the units that training would make of it, so that a score is the figure that training reports for the same text.
import { cutParagraph, splitSentences } from '@mdiff/text/sentences';
import { paragraphsOf, type Tokenizer } from '@mdiff/text';

/** A piece of text that is scored by itself: a paragraph, or a part of one that is too long for the model. */
export interface ScoredUnit {
  readonly text: string;
  readonly ids: Int32Array;
  readonly bytes: number;
}

/** A text, or its paragraphs if they are known. */
export type ScoredText = string | readonly string[];

/** The default of `data.paragraph_max_sentences`: a model folder need not say which value its training had. */
const MAX_SENTENCES = 10;

const encoder = new TextEncoder();

/** `slot`: most tokens of a unit, `[EOS]` not counted. @returns none for a text of blanks */
export function unitsOf(text: ScoredText, tokenizer: Tokenizer, slot: number): ScoredUnit[] {
  const toPiece = (piece: string): { text: string; tokens: Int32Array } => ({ text: piece, tokens: tokenizer.encode(piece) });
  const paragraphs = typeof text === 'string' ? paragraphsOf(text).map((paragraph) => paragraph.text) : text;
  return paragraphs
    .flatMap((paragraph) => cutParagraph(paragraph, splitSentences(paragraph), { slot, maxSentences: MAX_SENTENCES, toPiece }))
    .filter(({ tokens }) => tokens.length > 0)
    .map((piece) => ({ text: piece.text, ids: piece.tokens, bytes: encoder.encode(piece.text).length }));
}
