// Masks words of a text again and fills them anew.
import { shuffle, stream } from '@mdiff/diffusion';
import { ENDS_IN_LETTER, GOES_ON, layOut, wordPieces, type Gap, type Layout } from './canvas.js';
import { GenerateError } from './errors.js';
import { fill, RUN_OPTIONS, type RunOptions, type Target } from './fill.js';
import type { Model } from './model.js';
import { checkNames, resolveSampling, seedAt } from './options.js';

export interface RewriteOptions extends Omit<RunOptions, 'maxLength' | 'minLength' | 'stop'> {
  /** Share of the words that are written anew, > 0 and <= 1; 0.3 unless given. Each text draws its own words. */
  readonly share?: number;
  /** The words that are written anew, wherever they stand, in any case; instead of a share. */
  readonly words?: readonly string[];
}

export interface RewriteResult {
  readonly texts: readonly {
    readonly text: string;
    /** words that were masked */
    readonly masked: number;
    readonly seed: number;
    readonly nfe: number;
  }[];
  readonly promptTokens: number;
}

interface Word {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Writes some words of a text anew, each with as many tokens as it had; everything else stays, character by character. Throws {@link GenerateError}
 * for a text that is longer than the model, or has none of the words.
 */
export async function rewrite(model: Model, text: string, options: RewriteOptions = {}): Promise<RewriteResult> {
  const idle = {
    maxLength: 'the text says how long it is',
    minLength: 'the text says how long it is',
    stop: 'what follows a word stays',
  };
  checkNames('rewrite', options, ['share', 'words', ...RUN_OPTIONS], idle);
  if (typeof text !== 'string') throw new GenerateError(`text: expected a string, got ${JSON.stringify(text)}`);
  checkChoice(options);
  const sampling = resolveSampling(model.generation, options);
  const whole = layOut([text], model.config, model.tokenizer, { closed: true });
  const words = wordsOf(model, whole);
  const targets = Array.from({ length: sampling.n }, (_, row): Target => {
    const seed = seedAt(sampling, row);
    return { layout: masked(whole, chosenWords(words, options, seed), model.config.mask_token_id), seed, row };
  });
  const results = await fill({ model, targets, sampling, closed: true }, options);
  const texts = results.map(({ canvas, nfe }, row) => ({
    text: model.tokenizer.decode(canvas.subarray(whole.offset, canvas.length - 1)),
    masked: targets[row]!.layout.gaps.length,
    seed: targets[row]!.seed,
    nfe,
  }));
  return { texts, promptTokens: whole.textTokens };
}

function checkChoice({ share, words }: RewriteOptions): void {
  if (share !== undefined && words !== undefined) throw new GenerateError('share: has no effect beside words; leave one of them out');
  if (share !== undefined && !(share > 0 && share <= 1)) {
    throw new GenerateError(`share: expected a number > 0 and <= 1, got ${JSON.stringify(share)}`);
  }
  if (
    words !== undefined &&
    !(Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === 'string' && word !== ''))
  ) {
    throw new GenerateError(`words: expected a list of at least one word, got ${JSON.stringify(words)}`);
  }
}

/** The words of a canvas: a token and the pieces that go on inside it. */
function wordsOf({ tokenizer }: Model, { ids, offset }: Layout): Word[] {
  const pieces = wordPieces(tokenizer);
  const starts = [...ids.keys()].filter(
    (p) => p >= offset && p < ids.length - 1 && (p === offset || !(pieces[ids[p]!]! & GOES_ON && pieces[ids[p - 1]!]! & ENDS_IN_LETTER)),
  );
  const ends = [...starts.slice(1), ids.length - 1];
  return starts
    .map((start, i): Word => ({ start, end: ends[i]!, text: tokenizer.decode(ids.subarray(start, ends[i])).trim() }))
    .filter((word) => /\p{L}/u.test(word.text));
}

/** Words to mask, in the order of the text. */
function chosenWords(all: readonly Word[], { share = 0.3, words }: RewriteOptions, seed: number): Word[] {
  if (words === undefined) {
    const drawn = shuffle(stream(seed, 'rewrite'), all).slice(0, Math.max(1, Math.round(share * all.length)));
    if (drawn.length === 0) throw new GenerateError('text: no word to write anew; give a text with at least one word');
    return drawn.sort((a, b) => a.start - b.start);
  }
  const wanted = new Set(words.map((word) => word.trim().toLowerCase()));
  const found = all.filter(({ text }) => wanted.has(text.toLowerCase()));
  const first = JSON.stringify(words[0]);
  if (found.length === 0)
    throw new GenerateError(`words: ${words.length > 1 ? `${first} and the others do` : `${first} does`} not occur in the text`);
  return found;
}

/** A copy of a canvas with some words masked. A word that began with a space begins with one again. */
function masked(whole: Layout, words: readonly Word[], maskId: number): Layout {
  const ids = whole.ids.slice();
  const gaps = words.map(({ start, end }): Gap => ({ start, length: end - start, spaced: false }));
  for (const { start, length } of gaps) ids.fill(maskId, start, start + length);
  return { ...whole, ids, gaps };
}
