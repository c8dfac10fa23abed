// Masks words of a text again and fills them anew.
import { mustBe } from '@mdiff/arguments';
import { shuffle, stream } from '@mdiff/diffusion';
import { ENDS_IN_LETTER, GOES_ON, layOut, wordPieces, type Gap, type Layout } from './canvas.js';
import { GenerateError } from './errors.js';
import { RUN_OPTIONS, type RunOptions, type Target } from './fill.js';
import type { Model } from './model.js';
import { checkNames, resolveSampling, seedAt } from './options.js';
import { fillWholeWords } from './wholewords.js';

export interface RewriteOptions extends Omit<RunOptions, 'maxLength' | 'minLength' | 'stop'> {
  /** Share of the words that are written anew, > 0 and <= 1; 0.3 unless given. Each text draws its own words. */
  readonly share?: number;
  /** The words that are written anew, wherever they stand, in any case; instead of a share. */
  readonly words?: readonly string[];
  /** Parts of the text, from a character to before another as in `text.slice`; every word that one of them touches is written anew. Instead of a share. */
  readonly spans?: readonly Span[];
}

export type Span = readonly [start: number, end: number];

/** A word, or a part of the text between words, that was written anew. */
export interface Edit {
  /** where it stands in the new text, as in `text.slice` */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** what stood there before */
  readonly before: string;
}

export interface RewriteResult {
  readonly texts: readonly {
    readonly text: string;
    /** words that were masked */
    readonly masked: number;
    /** those words, in order */
    readonly edits: readonly Edit[];
    readonly seed: number;
    readonly nfe: number;
  }[];
  readonly promptTokens: number;
}

/** Tokens that belong together: a word, or what stands between words. */
interface Piece {
  readonly start: number;
  readonly end: number;
  /** with the space in front of it */
  readonly text: string;
  /** characters of the text in front of it */
  readonly from: number;
}

/**
 * Writes some words of a text anew, each with as many tokens as it had; everything else stays, character by character. Throws {@link GenerateError}
 * for a text that is longer than the model, or has none of the words.
 */
export async function rewrite(model: Model, text: string, options: RewriteOptions = {}): Promise<RewriteResult> {
  mustBe('rewrite', 'model', model, 'object');
  mustBe('rewrite', 'text', text, 'string');
  const idle = {
    maxLength: 'the text says how long it is',
    minLength: 'the text says how long it is',
    stop: 'what follows a word stays',
  };
  checkNames('rewrite', options, ['share', 'words', 'spans', ...RUN_OPTIONS], idle);
  if (typeof text !== 'string') throw new GenerateError(`text: expected a string, got ${JSON.stringify(text)}`);
  checkChoice(options, text);
  const sampling = resolveSampling(model.generation, options);
  const whole = layOut([text], model.config, model.tokenizer, { closed: true });
  const pieces = piecesOf(model, whole);
  const chosen = Array.from({ length: sampling.n }, (_, row) => chosenPieces(pieces, options, seedAt(sampling, row)));
  const targets = chosen.map((some, row): Target => ({
    layout: masked(whole, some, model.config.mask_token_id),
    seed: seedAt(sampling, row),
    row,
  }));
  const results = await fillWholeWords({ model, targets, sampling }, options);
  const texts = results.map(({ canvas, nfe }, row) => {
    const ids = canvas.subarray(whole.offset, canvas.length - 1);
    const edited = model.tokenizer.decode(ids);
    const lengthTo = (position: number): number => model.tokenizer.decode(ids.subarray(0, position - whole.offset)).length;
    const edits = chosen[row]!.map(({ start, end, text: before }): Edit => {
      const [from, to] = [lengthTo(start), lengthTo(end)];
      return { start: from, end: to, text: edited.slice(from, to), before };
    });
    return { text: edited, masked: edits.length, edits, seed: targets[row]!.seed, nfe };
  });
  return { texts, promptTokens: whole.textTokens };
}

function checkChoice({ share, words, spans }: RewriteOptions, text: string): void {
  const given = Object.entries({ words, spans, share }).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length > 1) throw new GenerateError(`${given.at(-1)}: has no effect beside ${given[0]}; leave one of them out`);
  if (share !== undefined && !(share > 0 && share <= 1)) {
    throw new GenerateError(`share: expected a number > 0 and <= 1, got ${JSON.stringify(share)}`);
  }
  if (
    words !== undefined &&
    !(Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === 'string' && word !== ''))
  ) {
    throw new GenerateError(`words: expected a list of at least one word, got ${JSON.stringify(words)}`);
  }
  if (spans !== undefined && !(Array.isArray(spans) && spans.length > 0 && spans.every((span) => isSpan(span, text.length)))) {
    throw new GenerateError(
      `spans: expected a list of at least one [start, end] with 0 <= start < end <= ${text.length} (the text's length), got ${JSON.stringify(spans)}`,
    );
  }
}

const isSpan = (span: unknown, length: number): boolean => {
  if (!Array.isArray(span) || span.length !== 2 || !span.every(Number.isInteger)) return false;
  const [start, end] = span as [number, number];
  return start >= 0 && start < end && end <= length;
};

/** The words of a canvas, each a token and the pieces that go on inside it, and what stands between them. */
function piecesOf({ tokenizer }: Model, { ids, offset }: Layout): Piece[] {
  const kinds = wordPieces(tokenizer);
  const starts = [...ids.keys()].filter(
    (p) => p >= offset && p < ids.length - 1 && (p === offset || !(kinds[ids[p]!]! & GOES_ON && kinds[ids[p - 1]!]! & ENDS_IN_LETTER)),
  );
  let from = 0;
  return starts.map((start, i): Piece => {
    const end = starts[i + 1] ?? ids.length - 1;
    const text = tokenizer.decode(ids.subarray(start, end));
    from += text.length;
    return { start, end, text, from: from - text.length };
  });
}

/** Pieces to mask, in the order of the text. */
function chosenPieces(all: readonly Piece[], { share = 0.3, words, spans }: RewriteOptions, seed: number): Piece[] {
  if (spans !== undefined) return touched(all, spans);
  const worded = all.filter(({ text }) => /\p{L}/u.test(text));
  if (words === undefined) {
    const drawn = shuffle(stream(seed, 'rewrite'), worded).slice(0, Math.max(1, Math.round(share * worded.length)));
    if (drawn.length === 0) throw new GenerateError('text: no word to write anew; give a text with at least one word');
    return drawn.sort((a, b) => a.start - b.start);
  }
  const wanted = new Set(words.map((word) => word.trim().toLowerCase()));
  const chosen = worded.filter(({ text }) => wanted.has(text.trim().toLowerCase()));
  const first = JSON.stringify(words[0]);
  if (chosen.length === 0)
    throw new GenerateError(`words: ${words.length > 1 ? `${first} and the others do` : `${first} does`} not occur in the text`);
  return chosen;
}

/** A span that holds nothing of a piece but the space in front of it does not touch it, unless the piece is blank. */
function touched(all: readonly Piece[], spans: readonly Span[]): Piece[] {
  const chosen = all.filter(({ text, from }) => {
    const begin = from + (text.trim() === '' ? 0 : text.length - text.trimStart().length);
    return spans.some(([start, end]) => start < from + text.length && end > begin);
  });
  if (chosen.length === 0) throw new GenerateError(`spans: ${JSON.stringify(spans)} hold only blanks; give spans that hold a word`);
  return chosen;
}

/** A copy of a canvas with some pieces masked. */
function masked(whole: Layout, pieces: readonly Piece[], maskId: number): Layout {
  const ids = whole.ids.slice();
  const gaps = pieces.map(({ start, end }): Gap => ({ start, length: end - start, spaced: false }));
  for (const { start, length } of gaps) ids.fill(maskId, start, start + length);
  return { ...whole, ids, gaps };
}
