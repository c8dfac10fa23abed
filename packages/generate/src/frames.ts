// How a text appears out of the masks: its whole canvas after each step, as text.
import { mustBe } from '@mdiff/arguments';
import type { Step } from './fill.js';
import type { Model } from './model.js';
import type { SamplingOptions } from './options.js';

/** A token, or given text that stands together. The texts of all pieces, joined, are the text as it stands; a mask has none yet. */
export interface Piece {
  text: string;
  /** provisional: the sampler may still take the token back */
  state: 'given' | 'committed' | 'provisional' | 'mask';
  /** of a committed or provisional token: its probability when it was drawn, at temperature 1 */
  confidence?: number;
}

/** The canvas of one text after a step. */
export interface Frame {
  object: 'denoise.frame';
  /** of the text */
  index: number;
  /** steps of this text so far */
  step: number;
  /** its forward passes so far, without those that chose the length of a gap */
  nfe: number;
  /** the canvas from its first token to its end of text */
  pieces: Piece[];
}

export interface FrameOptions {
  /** index of the text of row 0 */
  readonly first: number;
  readonly sampling: SamplingOptions;
}

/** What is remembered of one text. */
interface Row {
  /** of the sections that are done */
  before: { steps: number; nfe: number };
  last: { step: number; nfe: number };
  /** by the token's place in the text */
  readonly confidences: Map<number, number>;
}

/** Turns the steps of one call into frames. */
export function framesOf(model: Pick<Model, 'tokenizer' | 'config' | 'generation'>, options: FrameOptions): (step: Step) => Frame {
  mustBe('framesOf', 'model', model, 'object');
  mustBe('framesOf', 'options', options, 'object');
  const { first, sampling } = options;
  const rows = new Map<number, Row>();
  const remasks = (sampling.remasking ?? model.generation.remasking ?? 0) > 0;
  return (event) => {
    const row = rows.get(event.row) ?? { before: { steps: 0, nfe: 0 }, last: { step: 0, nfe: 0 }, confidences: new Map<number, number>() };
    rows.set(event.row, row);
    // A text that is longer than the model's window is written in sections, each with steps of its own.
    if (event.step <= row.last.step) row.before = { steps: row.before.steps + row.last.step, nfe: row.before.nfe + row.last.nfe };
    row.last = event;
    const placeOf = (position: number): number => position - event.offset + event.dropped;
    for (const position of event.remasked) row.confidences.delete(placeOf(position));
    for (const { position, probability } of event.commits) row.confidences.set(placeOf(position), probability);
    const drawn = remasks && event.step < event.of ? 'provisional' : 'committed';
    return {
      object: 'denoise.frame',
      index: first + event.row,
      step: row.before.steps + event.step,
      nfe: row.before.nfe + event.nfe,
      pieces: piecesOf(model, event, (position) => {
        const confidence = row.confidences.get(placeOf(position));
        return confidence === undefined ? { state: 'given' } : { state: drawn, confidence };
      }),
    };
  };
}

type Token = Omit<Piece, 'text'>;

function piecesOf(
  { tokenizer, config }: Pick<Model, 'tokenizer' | 'config'>,
  { canvas, offset }: Pick<Step, 'canvas' | 'offset'>,
  tokenAt: (position: number) => Token,
): Piece[] {
  const pieces: Piece[] = [];
  const ended = canvas.indexOf(config.eos_token_id, offset);
  const end = ended < 0 ? canvas.length : ended;
  const isMask = (position: number): boolean => canvas[position] === config.mask_token_id;
  for (let start = offset; start < end;) {
    let next = start + 1;
    if (isMask(start)) {
      pieces.push({ text: '', state: 'mask' });
      start = next;
      continue;
    }
    const { state, confidence } = tokenAt(start);
    if (state === 'given') while (next < end && !isMask(next) && tokenAt(next).state === 'given') next++;
    let text = tokenizer.decode(canvas.subarray(start, next));
    // The bytes of a character stand together.
    while (text.endsWith('\ufffd') && next < end && !isMask(next)) text = tokenizer.decode(canvas.subarray(start, ++next));
    pieces.push({ text, state, ...(confidence !== undefined && { confidence: Math.round(confidence * 1e4) / 1e4 }) });
    start = next;
  }
  return pieces;
}
