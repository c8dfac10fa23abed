// The part of a text that can be shown while the rest is being written. A diffusion model commits tokens in any order; the text from the gap's
// start to its first mask is final, because no sampler changes a committed token, except by remasking.
import type { Gap } from './canvas.js';
import { cut, decodeGap } from './fill.js';
import type { Model } from './model.js';
import type { Sampling } from './options.js';

/** The next piece of a text's completion. All pieces of a row, joined, are its completion. */
export interface TextPiece {
  /** index of the text */
  readonly row: number;
  readonly text: string;
}

interface FollowArgs {
  readonly model: Model;
  /** as of the completion's gap */
  readonly spaced: boolean;
  readonly sampling: Sampling;
  readonly onText: (piece: TextPiece) => void;
}

export interface Follower {
  /** after each step; `gap` is what the canvas leaves to fill, `before` the tokens of the completion in front of it */
  step(step: { readonly row: number; readonly canvas: Int32Array }, gap: Gap, before?: readonly number[]): void;
  /** once a text is complete */
  end(row: number, completion: string): void;
}

export function follow({ model, spaced, sampling, onText }: FollowArgs): Follower {
  const rows = new Map<number, { tokens: number; text: string }>();
  const state = (row: number) => rows.get(row) ?? rows.set(row, { tokens: 0, text: '' }).get(row)!;
  const send = (row: number, text: string): void => {
    const sent = state(row);
    if (text.length <= sent.text.length) return;
    onText({ row, text: text.slice(sent.text.length) });
    sent.text = text;
  };
  return {
    step({ row, canvas }, gap, before = []) {
      if (sampling.remasking > 0) return;
      const length = prefixLength(canvas, gap, model);
      const tokens = before.length + length;
      const sent = state(row);
      if (tokens === sent.tokens) return;
      sent.tokens = tokens;
      const ids = Int32Array.from([...before, ...canvas.subarray(gap.start, gap.start + length)]);
      send(row, settled(decodeGap(model, { canvas: ids }, { start: 0, spaced }, tokens), sampling.stop));
    },
    end: send,
  };
}

/** Committed tokens at the start of a gap, up to the first mask or `[EOS]`. */
function prefixLength(canvas: Int32Array, { start, length }: Gap, { config }: Model): number {
  const open = canvas.subarray(start, start + length).findIndex((id) => id === config.mask_token_id || id === config.eos_token_id);
  return open < 0 ? length : open;
}

/** The beginning of a text that stays as it is, whatever comes after: without half a character, and without what may begin a stop string. */
function settled(text: string, stop: readonly string[]): string {
  const whole = text.replace(/\ufffd+$/, '');
  const ended = cut(whole, stop);
  if (ended !== whole) return ended;
  const longest = Math.max(0, ...stop.map((word) => word.length - 1));
  for (let length = Math.min(longest, whole.length); length > 0; length--) {
    const tail = whole.slice(-length);
    if (stop.some((word) => word.startsWith(tail))) return whole.slice(0, -length);
  }
  return whole;
}
