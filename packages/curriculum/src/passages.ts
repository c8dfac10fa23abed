import { stream } from '@mdiff/diffusion';
import type { Part, Piece } from '@mdiff/text/sentences';

/** A paragraph, or a piece of one, and where it stands. */
export interface PlacedPiece {
  text: string;
  tokens: Int32Array;
  /** UTF-8 bytes of its paragraphs, without the empty lines between them */
  bytes: number;
  kind: 'prose' | 'verse';
  parts: readonly Part[];
  /** the first paragraph of its section that it has text of, and the last */
  paragraphs: readonly [first: number, last: number];
}

/** What stands between two paragraphs of a passage. A prompt or a canvas of several paragraphs has the same. */
const BREAK = '\n\n';

interface JoinOptions {
  /** tokens that a passage may have which begins with this text; its first piece may have more */
  lengthFor(text: string): number;
  toPiece: (text: string) => Piece;
}

/**
 * Half of the passages are as long as fits, the others have a length drawn between nothing and that: where every passage filled its slot, a model would learn
 * that texts end after so many tokens, and short ones would be strange to it.
 */
export const passageLengths =
  (slot: number, seed: number) =>
  (text: string): number =>
    Math.min(1, 2 * stream(seed, 'passages', text).next()) * slot;

/** Joins the neighbouring pieces of one section into passages: paragraphs by an empty line, pieces of one paragraph by a blank. */
export function* joinPassages(pieces: Iterable<PlacedPiece>, { lengthFor, toPiece }: JoinOptions): Generator<PlacedPiece> {
  let open: PlacedPiece | undefined;
  let most = 0;
  for (const piece of pieces) {
    // A heading may stand between two paragraphs.
    const next = open && piece.paragraphs[0] <= open.paragraphs[1] + 1 ? join(open, piece, toPiece) : undefined;
    if (next && next.tokens.length <= most) open = next;
    else {
      if (open) yield open;
      open = piece;
      most = lengthFor(piece.text);
    }
  }
  if (open) yield open;
}

function join(before: PlacedPiece, after: PlacedPiece, toPiece: JoinOptions['toPiece']): PlacedPiece {
  const [first, last] = before.paragraphs;
  const separator = last === after.paragraphs[0] ? ' ' : BREAK;
  const text = `${before.text}${separator}${after.text}`;
  return {
    text,
    // Tokens can differ across the join, so the whole is read again.
    tokens: toPiece(text).tokens,
    bytes: before.bytes + after.bytes + (separator === BREAK ? 0 : separator.length),
    kind: before.kind === 'verse' ? after.kind : 'prose',
    parts: [...before.parts, ...after.parts],
    paragraphs: [first, after.paragraphs[1]],
  };
}
