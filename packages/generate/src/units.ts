// Cuts a text into the units that training would make of it, so that a score is the figure that training reports for the same text.
import { cutParagraph, splitSentences } from '@mdiff/text/sentences';
import { paragraphsOf, type Tokenizer } from '@mdiff/text';

/** A piece of text that is scored by itself: a paragraph, or a part of one that is too long for the model. */
export interface ScoredUnit {
  readonly text: string;
  readonly ids: Int32Array;
  readonly bytes: number;
}

/** A text, or its paragraphs if they are known, or units that were cut before: paragraphs, or passages of several with an empty line between them. */
export type ScoredText = string | readonly string[] | { readonly units: readonly string[] };

/** The default of `data.paragraph_max_sentences`: a model folder need not say which value its training had. */
const MAX_SENTENCES = 10;

const encoder = new TextEncoder();

/** `slot`: most tokens of a unit, `[EOS]` not counted; a given unit with more is cut. @returns none for a text of blanks */
export function unitsOf(text: ScoredText, tokenizer: Pick<Tokenizer, 'encode'>, slot: number): ScoredUnit[] {
  const toPiece = (piece: string): { text: string; tokens: Int32Array } => ({ text: piece, tokens: tokenizer.encode(piece) });
  const maxSentences = isCut(text) ? Infinity : MAX_SENTENCES;
  return partsOf(text)
    .flatMap((part) => cutParagraph(part, splitSentences(part), { slot, maxSentences, toPiece }))
    .filter(({ tokens }) => tokens.length > 0)
    .map((piece) => ({ text: piece.text, ids: piece.tokens, bytes: bytesOf(piece.text) }));
}

const isCut = (text: ScoredText): text is { readonly units: readonly string[] } => typeof text !== 'string' && 'units' in text;

const partsOf = (text: ScoredText): readonly string[] =>
  typeof text === 'string' ? paragraphsOf(text).map((paragraph) => paragraph.text) : isCut(text) ? text.units : text;

/** As in @mdiff/curriculum, the empty lines of a passage are not counted. */
const bytesOf = (text: string): number => encoder.encode(text.replaceAll('\n\n', '')).length;
