// Rules on words as rules on tokens: words that must, may and may not be written. Knows no sampler.
import { mustBe } from '@mdiff/arguments';
import type { TokenSet, WordRules } from '@mdiff/diffusion';
import { ENDS_IN_LETTER, GOES_ON, spaceTokens, wordPieces, type Layout } from './canvas.js';
import { GenerateError } from './errors.js';
import type { Model } from './model.js';
import type { Sampling } from './options.js';
import { tokenTexts } from './tokentexts.js';

/** Options of every call that writes. */
export interface WordOptions {
  /**
   * The only words that are written, as given and with a capital; tokens without letters and digits stay free. A word of several tokens needs a sampler that
   * writes from left to right: `causal`, or `blockLength` 1.
   */
  readonly allowedWords?: readonly string[];
  /** Words that are not written, in any case. Inside a longer word they may stand; a longer word that begins with the same tokens may be lost. */
  readonly forbiddenWords?: readonly string[];
}

/** The words of a text, each once, as a tokenizer sees them: the end of "don't" is a word of its own. */
export const wordsIn = (text: string): string[] => {
  mustBe('wordsIn', 'text', text, 'string');
  return [...new Set(text.match(/'(?:[sdmt]|ll|ve|re)(?!\p{L})|\p{L}+|\p{N}+/gu))];
};

/** Ways to cut one spelling into tokens, at most: a forbidden word is forbidden in each. */
const CUTS = 64;

type Tokenizer = Model['tokenizer'];

/** Throws {@link GenerateError} for a rule that is malformed, contradicts another, or cannot be kept by the sampler. */
export function wordRules(
  { tokenizer, config }: Model,
  { allowedWords, forbiddenWords }: WordOptions,
  sampling: Sampling,
): WordRules | null {
  if (allowedWords === undefined && forbiddenWords === undefined) return null;
  const [allow, forbid] = [checked('allowedWords', allowedWords), checked('forbiddenWords', forbiddenWords)];
  const forbidden = new Set(forbid?.map((word) => word.toLowerCase()));
  const both = allow?.find((word) => forbidden.has(word.toLowerCase()));
  if (both !== undefined)
    throw new GenerateError(`forbiddenWords: ${JSON.stringify(both)} is also one of allowedWords; leave it out of one`);
  const inOrder = sampling.sampler === 'causal' || sampling.blockLength === 1;
  const long = inOrder ? undefined : allow?.find((word) => tokenizer.encode(` ${word}`).length > 1);
  if (long !== undefined) {
    throw new GenerateError(
      `allowedWords: ${JSON.stringify(long)} has several tokens, and sampler "${sampling.sampler}" writes them in any order; set blockLength to 1 or sampler to "causal"`,
    );
  }
  return {
    forbidden: (forbid ?? []).flatMap((word) => spellings(word).flatMap((text) => cuts(tokenizer, text))),
    allowed: allow === undefined ? null : allowedTokens(tokenizer, allowedWords!, { words: allow, inOrder, eosId: config.eos_token_id }),
  };
}

function checked(name: string, words: readonly string[] | undefined): string[] | undefined {
  if (words === undefined) return undefined;
  const right = Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === 'string' && word.trim() !== '');
  if (!right) throw new GenerateError(`${name}: expected a list of at least one word, got ${JSON.stringify(words)}`);
  return words.map((word: string) => word.trim());
}

interface Allowed {
  readonly words: readonly string[];
  readonly inOrder: boolean;
  readonly eosId: number;
}

/** A text is written in several sections, and the words of a book are some 17,000: they are encoded once. */
const encoded = new WeakMap<readonly string[], { tokenizer: Tokenizer; inOrder: boolean; ids: Int32Array }>();

/** As given and with a capital, with and without a space in front; and tokens that are no word. Of each the ids, and −1. */
function allowedTokens(tokenizer: Tokenizer, key: readonly string[], { words, inOrder, eosId }: Allowed): Int32Array {
  const last = encoded.get(key);
  if (last?.tokenizer === tokenizer && last.inOrder === inOrder) return last.ids;
  const forms = [...new Set(words.flatMap((word) => [word, capitalised(word)]))].flatMap((form) => [form, ` ${form}`]);
  // Out of order, a form of several tokens is left out where the usual one has a single token.
  const kept = forms.map((form) => tokenizer.encode(form)).filter(({ length }) => inOrder || length === 1);
  const ids = Int32Array.from([...kept, ...freeTokens(tokenizer, eosId)].flatMap((token) => [...token, -1]));
  encoded.set(key, { tokenizer, inOrder, ids });
  return ids;
}

const capitalised = (word: string): string => word[0]!.toUpperCase() + word.slice(1);

/** As given, with a capital, in capitals and in small letters; each with and without a space in front. */
function spellings(word: string): string[] {
  const forms = new Set([word, word.toLowerCase(), word.toUpperCase(), capitalised(word)]);
  return [...forms].flatMap((form) => [form, ` ${form}`]);
}

/** A text in the tokens that the tokenizer gives, and in all others that make the same letters. */
function cuts(tokenizer: Tokenizer, text: string): Int32Array[] {
  const byText = tokensByText(tokenizer);
  const out: number[][] = [];
  const goOn = (rest: string, ids: number[]): void => {
    if (out.length >= CUTS) return;
    if (rest === '') return void out.push(ids);
    for (let length = rest.length; length > 0; length--) {
      const id = byText.get(rest.slice(0, length));
      if (id !== undefined) goOn(rest.slice(length), [...ids, id]);
    }
  };
  goOn(text, []);
  const usual = tokenizer.encode(text);
  return [usual, ...out.filter((ids) => ids.join() !== usual.join()).map((ids) => Int32Array.from(ids))];
}

const byTexts = new WeakMap<Tokenizer, Map<string, number>>();

export function tokensByText(tokenizer: Tokenizer): Map<string, number> {
  let table = byTexts.get(tokenizer);
  if (!table) {
    const reserved = new Set<number>(Object.values(tokenizer.special));
    const ids = [...tokenTexts(tokenizer).entries()].filter(([id]) => !reserved.has(id));
    table = new Map(ids.map(([id, text]) => [text, id]));
    byTexts.set(tokenizer, table);
  }
  return table;
}

/** `[EOS]`, and tokens without letters, digits and parts of characters. */
const freeTokens = (tokenizer: Tokenizer, eosId: number): Int32Array[] => [
  Int32Array.of(eosId),
  ...[...tokensByText(tokenizer)].filter(([text]) => !/[\p{L}\p{N}\p{M}\ufffd]/u.test(text)).map(([, id]) => Int32Array.of(id)),
];

/** Tokens that stand at fixed places of a text that is to be written. */
export interface Placed {
  /** by token of the new text, from 0: the only id that may stand there, or those that may not */
  readonly sets: ReadonlyMap<number, TokenSet>;
  /** new tokens up to the last of them */
  readonly end: number;
}

export type WordsAt = Readonly<Record<number, string | number>>;

/** The tokens of words at stated places of the new text behind a prompt. Throws {@link GenerateError} for words that contradict each other. */
export function placedWords(
  model: Model,
  { wordsAt = {}, forbiddenWords, allowedWords, prompt }: WordOptions & { readonly wordsAt?: WordsAt | undefined; readonly prompt: string },
): Placed {
  const { tokenizer } = model;
  const ids = new Map<number, number>();
  const owners = new Map<number, string | number>();
  const sets = new Map<number, TokenSet>();
  const letters = wordPieces(tokenizer);
  const same = (word: string | number) => (other: string) => String(word).trim().toLowerCase() === other.trim().toLowerCase();
  for (const [key, word] of Object.entries(wordsAt)) {
    const position = Number(key);
    if (!Number.isSafeInteger(position) || position < 0)
      throw new GenerateError(`wordsAt: expected positions >= 0 (tokens of the new text), got ${JSON.stringify(key)}`);
    if (forbiddenWords?.some(same(word)))
      throw new GenerateError(`wordsAt: ${JSON.stringify(word)} is also one of forbiddenWords; leave it out of one`);
    if (allowedWords && typeof word === 'string' && !allowedWords.some(same(word)) && /[\p{L}\p{N}]/u.test(word))
      throw new GenerateError(`wordsAt: ${JSON.stringify(word)} is not one of allowedWords; add it`);
    const tokens = tokensOf(model, word, position > 0 || needsSpace(prompt));
    for (const [k, id] of tokens.entries()) {
      const other = owners.get(position + k);
      if (other !== undefined)
        throw new GenerateError(
          `wordsAt: ${JSON.stringify(other)} and ${JSON.stringify(word)} both need token ${position + k}, because a word may have several tokens; move one of them`,
        );
      ids.set(position + k, id);
      owners.set(position + k, word);
    }
  }
  const first = ids.get(0);
  if (first !== undefined && prompt.endsWith(' ') && !spaceTokens(tokenizer).includes(first))
    throw new GenerateError(
      'wordsAt: the prompt ends in a space, so the word at position 0 must begin with one; leave the space at the end of the prompt out',
    );
  // Only now: it goes over the whole vocabulary, and most calls place no word.
  const goingOn = ids.size === 0 ? new Int32Array(0) : Int32Array.from(letters.keys()).filter((id) => (letters[id]! & GOES_ON) !== 0);
  for (const [position, id] of ids) {
    sets.set(position, { allow: Int32Array.of(id) });
    if (!ids.has(position + 1) && (letters[id]! & ENDS_IN_LETTER) !== 0) sets.set(position + 1, { forbid: goingOn });
  }
  return { sets, end: Math.max(0, ...[...ids.keys()].map((position) => position + 1)) };
}

/** A word behind a text that ends in a letter or a sign begins with a space; one at the start of a text, a line or a quotation does not. */
const needsSpace = (prompt: string): boolean => prompt !== '' && (prompt.endsWith(' ') || !/[\s("'“‘[\u2014-]$/.test(prompt));

function tokensOf({ tokenizer, config }: Model, word: string | number, spaced: boolean): number[] {
  if (typeof word === 'number') {
    const reserved = [config.mask_token_id, config.pad_token_id, config.bos_token_id, config.eos_token_id, config.sep_token_id];
    if (Number.isInteger(word) && word >= 0 && word < tokenizer.vocabSize && !reserved.includes(word)) return [word];
    throw new GenerateError(
      `wordsAt: expected a word, or a token id from 0 to ${tokenizer.vocabSize - 1} that is not reserved, got ${word}`,
    );
  }
  if (typeof word !== 'string' || word === '')
    throw new GenerateError(`wordsAt: expected a word or a token id, got ${JSON.stringify(word)}`);
  return [...tokenizer.encode(spaced && /^[\p{L}\p{N}]/u.test(word) ? ` ${word}` : word)];
}

/** A canvas whose gap begins with token `from` of the new text, with the placed words in it. The sampler is held to them too. */
export function withPlaced(
  layout: Layout,
  { sets }: Placed,
  { from, fixed }: { from: number; fixed: boolean },
): { layout: Layout; constraints: Map<number, TokenSet> } {
  const { start, length } = layout.gaps[0]!;
  const ids = layout.ids.slice();
  const constraints = new Map<number, TokenSet>();
  for (let k = 0; k < length; k++) {
    const set = sets.get(from + k);
    if (!set) continue;
    constraints.set(start + k, set);
    // The denoiser sees a placed word from the first step on. A causal network reads nothing behind the place that it fills.
    if (fixed && set.allow) ids[start + k] = set.allow[0]!;
  }
  return { layout: { ...layout, ids }, constraints };
}
