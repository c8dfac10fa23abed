// The steps of a text that is being written, as the server sends them, and how the page plays them.

export type PieceState = 'given' | 'committed' | 'provisional' | 'mask';

export interface Piece {
  readonly text: string;
  readonly state: PieceState;
  readonly confidence?: number;
}

/** The whole canvas after a step. */
export interface Frame {
  readonly step: number;
  readonly nfe: number;
  readonly pieces: readonly Piece[];
}

/** A stretch of a finished text that the model wrote, with the probability of its tokens. */
export interface Mark {
  readonly start: number;
  readonly end: number;
  readonly confidence: number;
}

/** The canvas before the first step: what that step committed was masked. */
export const before = ({ pieces }: Frame): Frame => ({
  step: 0,
  nfe: 0,
  pieces: pieces.map((piece): Piece => (piece.state === 'given' ? piece : { text: '', state: 'mask' })),
});

/** Masks that are left. */
export const masksOf = ({ pieces }: Frame): number => pieces.filter(({ state }) => state === 'mask').length;

/**
 * Places of the last frame's tokens in the finished text. The server may cut the text, or bring blanks back, so each piece is looked for
 * from where the one before it ended.
 */
export function marksOf(frame: Frame | undefined, text: string): Mark[] {
  const marks: Mark[] = [];
  // The canvas of a text that is longer than the window begins somewhere inside it.
  const canvas = (frame?.pieces ?? []).map((piece) => piece.text).join('');
  let from = Math.max(0, text.lastIndexOf(canvas));
  for (const { text: piece, state, confidence } of frame?.pieces ?? []) {
    const start = piece === '' ? -1 : text.indexOf(piece, from);
    // A piece that is not near is missing; the next one is then looked for from the same place.
    if (start < 0 || start > from + 8) continue;
    from = start + piece.length;
    if (state !== 'given' && confidence !== undefined) marks.push({ start: start + /^\s*/.exec(piece)![0].length, end: from, confidence });
  }
  return marks;
}

/** Five bands of probability, which the style sheet colours. */
export const bandOf = (confidence: number): number => LEAST.filter((least) => confidence >= least).length;
const LEAST = [0.06, 0.2, 0.4, 0.75];

/** Time in ms that a step stays on the screen: all of them together take about three seconds, however fast the model is. */
export const pace = (frames: number): number => Math.min(160, Math.max(30, 3_000 / Math.max(1, frames)));
