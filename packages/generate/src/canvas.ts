// Turns text with gaps into a canvas of ids with [MASK]. Knows no sampler and no runtime.
import { mustBe } from '@mdiff/arguments';
import type { Tokenizer } from '@mdiff/text';
import { GenerateError } from './errors.js';
import { tokenTexts } from './tokentexts.js';
import type { ModelFolderConfig } from '@mdiff/folder';

/** Text to keep, or a gap: the number of tokens to fill, or the least and the most of them. */
export type Part = string | { readonly gap: number | readonly [number, number] };
export type FixedPart = string | { readonly gap: number };

/** Tokens of a gap that states none. */
const OPEN_GAP = [1, 12] as const;

export interface Gap {
  /** First position in the canvas. */
  readonly start: number;
  readonly length: number;
  /**
   * True if the text before the gap ended in a space. The canvas leaves that space out: byte-level tokens carry the space in front of a
   * word, and a model has hardly ever seen one alone. The gap's first token must bring it back.
   */
  readonly spaced: boolean;
}

export interface Layout {
  readonly ids: Int32Array;
  readonly gaps: readonly Gap[];
  /** Tokens of the given text, without reserved ids. */
  readonly textTokens: number;
  /** Positions in front of the text: 1 where the canvas starts with `[BOS]`. */
  readonly offset: number;
}

/** The most tokens that a window may have, `[EOS]` included: a slot of the model is at most `max_seq_len` long and may start with `[BOS]`. */
export function windowLimit(config: ModelFolderConfig): number {
  return config.max_seq_len - (config.shift_head ? 1 : 0);
}

/** Encodes the text before a gap. A single space at its end is left to the gap. */
export function encodeBefore(tokenizer: Tokenizer, text: string): { ids: Int32Array; spaced: boolean } {
  const spaced = text.endsWith(' ');
  return { ids: tokenizer.encode(spaced ? text.slice(0, -1) : text), spaced };
}

/** Characters that are encoded in a few milliseconds. */
const QUICK = 4_000;

/** A bound on the tokens of a long text, 0 for a short one: encoding a text that cannot fit the model would hold the event loop up (200 kB: 0.3 s). */
export const fewestTokens = (tokenizer: Tokenizer, text: string): number =>
  text.length <= QUICK ? 0 : Math.ceil(text.length / tokenizer.longest);

/**
 * Lays text and gaps out as one canvas: `[BOS]` (with `shift_head`), the parts, and `[EOS]` when `closed`.
 * Throws {@link GenerateError} when it is longer than the model.
 */
export function layOut(
  parts: readonly FixedPart[],
  config: ModelFolderConfig,
  tokenizer: Tokenizer,
  { closed }: { closed: boolean },
): Layout {
  const ids: number[] = config.shift_head ? [config.bos_token_id] : [];
  const offset = ids.length;
  const gaps: Gap[] = [];
  let textTokens = 0;
  let spaced = false;
  parts.forEach((part, i) => {
    if (typeof part === 'string') {
      checkLength(ids.length - offset + fewestTokens(tokenizer, part), config, 'at least ');
      const next = parts[i + 1];
      const before = typeof next === 'object' ? encodeBefore(tokenizer, part) : { ids: tokenizer.encode(part), spaced: false };
      spaced = before.spaced;
      textTokens += before.ids.length;
      for (const id of before.ids) ids.push(id);
      return;
    }
    if (!Number.isInteger(part.gap) || part.gap < 1)
      throw new GenerateError(
        `gap: expected an integer >= 1 (tokens to fill) or a range [least, most] of them, got ${JSON.stringify(part.gap)}`,
      );
    // Check before adding masks: the size comes from outside and must not decide how much memory mdiff takes.
    checkLength(ids.length - offset + part.gap, config);
    gaps.push({ start: ids.length, length: part.gap, spaced });
    spaced = false;
    for (let k = 0; k < part.gap; k++) ids.push(config.mask_token_id);
  });
  if (closed) ids.push(config.eos_token_id);
  checkLength(ids.length - offset, config);
  return { ids: Int32Array.from(ids), gaps, textTokens, offset };
}

/** An open canvas: `[BOS]` (with `shift_head`), the tokens of a text, and masks behind it. */
export function canvasOf(
  tokens: readonly number[],
  { gap, spaced, config }: { gap: number; spaced: boolean; config: ModelFolderConfig },
): Layout {
  const before = config.shift_head ? [config.bos_token_id, ...tokens] : tokens;
  const ids = new Int32Array(before.length + gap).fill(config.mask_token_id);
  ids.set(before);
  const gaps = [{ start: before.length, length: gap, spaced }];
  return { ids, gaps, textTokens: tokens.length, offset: before.length - tokens.length };
}

function checkLength(tokens: number, config: ModelFolderConfig, bound = ''): void {
  const limit = windowLimit(config);
  if (tokens <= limit) return;
  throw new GenerateError(
    `text: expected at most ${limit} tokens, gaps and [EOS] included (model.max_seq_len ${config.max_seq_len}), got ${bound}${tokens}; shorten the text or the gaps`,
    { tooLong: true },
  );
}

/**
 * Reads text with a marker for each gap, such as `"Call me ___."`. `___:8` or `___{8}` is a gap of 8 tokens, `___{2,5}` one of 2 to 5,
 * and `___` one of `tokens` (1 to 12 unless given). Two digits after a colon are text, because they are minutes: `"The gate shuts at ___:30."`
 * A marker of one repeated character may be longer: `_____` is one gap too. Throws {@link GenerateError} when there is no gap.
 */
export function parseGaps(text: string, options: { marker?: string; tokens?: number | readonly [number, number] } = {}): Part[] {
  mustBe('parseGaps', 'text', text, 'string');
  mustBe('parseGaps', 'options', options, 'object');
  const { marker = '___', tokens = OPEN_GAP } = options;
  if (marker === '') throw new GenerateError('gap marker: expected at least one character, got ""');
  const repeated = marker === marker[0]!.repeat(marker.length) && marker.length > 1;
  const parts: Part[] = [];
  let rest = text;
  for (let start = rest.indexOf(marker); start >= 0; start = rest.indexOf(marker)) {
    if (start > 0) parts.push(rest.slice(0, start));
    rest = rest.slice(start + marker.length);
    while (repeated && rest.startsWith(marker[0]!)) rest = rest.slice(1);
    const count = /^\{(\d{1,6})(?:,(\d{1,6}))?\}/.exec(rest) ?? /^:(\d{3,6}|\d)(?!\d)/.exec(rest);
    if (count) rest = rest.slice(count[0].length);
    const [least, most] = [Number(count?.[1]), count?.[2]];
    parts.push({ gap: count ? (most === undefined ? least : [least, Number(most)]) : tokens });
  }
  if (parts.length === 0) throw new GenerateError(`text: no gap found; write ${marker} where mdiff should fill in text`);
  if (rest !== '') parts.push(rest);
  return parts;
}

/** The digits behind the first gap that are text because they may be minutes: "40" of `___:40`; undefined if there are none. */
export function minutesBehindGap(text: string, marker = '___'): string | undefined {
  mustBe('minutesBehindGap', 'text', text, 'string');
  for (const [, before, minutes] of text.matchAll(/(\S*):(\d{2})(?!\d)/g)) if (before!.endsWith(marker)) return minutes;
  return undefined;
}

const SPACE = ' '.charCodeAt(0);
const spaces = new WeakMap<Tokenizer, Int32Array>();

/** The ids whose text starts with a space. */
export function spaceTokens(tokenizer: Tokenizer): Int32Array {
  let table = spaces.get(tokenizer);
  if (!table) {
    const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id);
    table = Int32Array.from(ids.filter((id) => tokenizer.bytes(id)[0] === SPACE));
    spaces.set(tokenizer, table);
  }
  return table;
}

const pieces = new WeakMap<Tokenizer, Uint8Array>();

/** Bits of `wordPieces`. */
export const GOES_ON = 1;
export const ENDS_IN_LETTER = 2;

/** For each id, whether its text starts and whether it ends with a letter (or a part of one): behind one that ends so, one that starts so goes on inside the word. */
export function wordPieces(tokenizer: Tokenizer): Uint8Array {
  let table = pieces.get(tokenizer);
  if (!table) {
    table = Uint8Array.from(
      tokenTexts(tokenizer),
      (text) => (/^[\p{L}\ufffd]/u.test(text) ? GOES_ON : 0) | (/[\p{L}\ufffd]$/u.test(text) ? ENDS_IN_LETTER : 0),
    );
    pieces.set(tokenizer, table);
  }
  return table;
}
