// How likely a text is: the bound that training reports, for any text, and its difference between two models. Knows no runtime.
import { stratifiedMasks, type EvaluationResult } from '@mdiff/diffusion';
import { projectSeed } from '@mdiff/config/sampling';
import { GenerateError } from './errors.js';
import { estimate, type Estimate } from './estimate.js';
import type { Model } from './model.js';
import { crossEntropies, type PassOptions, type Question } from './passes.js';
import { slotOf, unitsOf, type ScoredUnit } from './units.js';
import { canvasOf, scoreWords, type WordScore } from './words.js';

export interface ScoreOptions extends PassOptions {
  /** Decides the masks: the same seed gives the same figure. Default: that of the configuration's top-level `seed`. */
  readonly seed?: number;
  /** Masks of each unit. Default: 4, as in training's last evaluation, and more for a short text, up to 64 masks in all. */
  readonly levels?: number;
  /** Score each word too, which takes one more canvas for each token. Default false. */
  readonly words?: boolean;
}

/** A figure of a text, per token and per byte, with standard errors over the draw of the masks (NaN where there are too few of them). */
interface Figures {
  /** of the whole text */
  readonly nats: number;
  readonly natsPerToken: number;
  readonly natsPerTokenError: number;
  readonly bitsPerByte: number;
  readonly bitsPerByteError: number;
}

export interface UnitScore {
  readonly text: string;
  /** `[EOS]` included */
  readonly tokens: number;
  readonly bytes: number;
  readonly nats: number;
  readonly words?: readonly WordScore[];
}

/** NELBO: an upper bound on −ln p(text), in expectation over the masks. */
export interface Score extends Figures {
  /** of the text, and one `[EOS]` for each unit */
  readonly tokens: number;
  /** of the units' text in UTF-8; the line breaks between units, which `[EOS]` stands for, are not counted */
  readonly bytes: number;
  /** the paragraphs; a paragraph that is longer than the model, or has more than ten sentences, is several */
  readonly units: readonly UnitScore[];
  readonly seed: number;
  /** NFE, number of function evaluations */
  readonly nfe: number;
}

const LEVELS = 4;
const MASKS = 64;

/**
 * NELBO of a text, over all mask ratios, with masks stratified as in training's evaluation: the same text in the same units with the same seed and levels
 * has the figure that training reports. Throws {@link GenerateError} for a text without words.
 */
export async function score(model: Model, text: string, options: ScoreOptions = {}): Promise<Score> {
  return scoreOf(await evaluate(model, cut(text, model, slotOf(model)), options));
}

export interface Ranked extends Score {
  readonly text: string;
  /** place in the list that was given */
  readonly index: number;
}

/** The texts, from the likeliest to the least likely token for token. Throws {@link GenerateError} naming a text without words. */
export async function rank(model: Model, texts: readonly string[], options: ScoreOptions = {}): Promise<Ranked[]> {
  const ranked: Ranked[] = [];
  for (const [index, text] of texts.entries()) {
    if (text.trim() === '') throw new GenerateError(`texts[${index}]: no text to score; give at least one word`);
    ranked.push({ text, index, ...(await score(model, text, options)) });
  }
  return ranked.sort((a, b) => a.natsPerToken - b.natsPerToken || a.index - b.index);
}

/** ln p_model(text) − ln p_other(text), by their bounds: positive where `model` finds the text likelier. */
export interface LikelihoodRatio extends Omit<Figures, 'natsPerToken' | 'natsPerTokenError'> {
  /** null where the tokenizers differ: their tokens are not the same stretches of text */
  readonly natsPerToken: number | null;
  readonly natsPerTokenError: number | null;
  readonly model: Score;
  readonly other: Score;
}

/**
 * The log-likelihood ratio of two models on a text. With one tokenizer both see the same masks of the same units, so that most of the error cancels; with
 * two, each has its own, and only bytes can be compared. Throws {@link GenerateError} for a text without words.
 */
export async function likelihoodRatio(model: Model, other: Model, text: string, options: ScoreOptions = {}): Promise<LikelihoodRatio> {
  const alike = sameTokenizer(model, other);
  const shared = Math.min(slotOf(model), slotOf(other));
  const [mine, theirs] = [
    await evaluate(model, cut(text, model, alike ? shared : slotOf(model)), options),
    await evaluate(other, cut(text, other, alike ? shared : slotOf(other)), options),
  ];
  const scores = { model: scoreOf(mine), other: scoreOf(theirs) };
  const { nats, error } = alike ? difference(mine, theirs) : apart(mine.estimate, theirs.estimate);
  const { natsPerToken, natsPerTokenError, ...rest } = figures({ nats, error }, scores.model);
  return { ...rest, natsPerToken: alike ? natsPerToken : null, natsPerTokenError: alike ? natsPerTokenError : null, ...scores };
}

/** What one model says about all masks of a text. */
interface Evaluated {
  readonly units: readonly ScoredUnit[];
  readonly results: readonly EvaluationResult[];
  readonly levels: number;
  readonly seed: number;
  readonly estimate: Estimate;
  readonly words?: readonly (readonly WordScore[])[];
  readonly nfe: number;
}

function cut(text: string, { tokenizer }: Model, slot: number): ScoredUnit[] {
  const units = unitsOf(text, tokenizer, slot);
  if (units.length === 0) throw new GenerateError('text: no text to score; give at least one word');
  return units;
}

async function evaluate(model: Model, units: readonly ScoredUnit[], options: ScoreOptions): Promise<Evaluated> {
  const { seed = projectSeed.default, levels = Math.max(LEVELS, Math.ceil(MASKS / units.length)), words = false } = options;
  checkInteger('seed', seed, 0);
  checkInteger('levels', levels, 1);
  const masks = stratifiedMasks({ lengths: units.map(({ ids }) => ids.length + 1), levels, seed });
  const questions = masks.map(({ unit, positions }) => masked(model, units[unit]!.ids, positions));
  const { nats, passes } = await crossEntropies(model, questions, options);
  const results = masks.map(({ unit, t, weight, maskable }, i): EvaluationResult => {
    return { unit, t, weight, maskable, crossEntropy: nats[i]!.reduce((sum, value) => sum + value, 0) };
  });
  const sum = estimate(results, levels);
  if (!Number.isFinite(sum.nats)) throw new GenerateError(`${model.name}: its logits are not finite numbers; the model may be damaged`);
  const byWord = words ? await scoreWords(model, units, options) : undefined;
  return { units, results, levels, seed, estimate: sum, nfe: passes + (byWord?.passes ?? 0), ...(byWord && { words: byWord.words }) };
}

function checkInteger(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) throw new GenerateError(`${name}: expected an integer >= ${least}, got ${String(value)}`);
}

/** A unit with `[MASK]` at these positions of its text and `[EOS]`. */
function masked({ config }: Model, ids: Int32Array, chosen: Int32Array): Question {
  const canvas = canvasOf(config, ids);
  const positions = chosen.map((position) => position + (config.shift_head ? 1 : 0));
  const targets = positions.map((position) => canvas[position]!);
  for (const position of positions) canvas[position] = config.mask_token_id;
  return { canvas, positions, targets };
}

function scoreOf({ units, results, levels, seed, estimate: sum, words, nfe }: Evaluated): Score {
  const scored = units.map(({ text, ids, bytes }, u): UnitScore => {
    const { nats } = estimate(results.slice(u * levels, (u + 1) * levels), levels);
    return { text, tokens: ids.length + 1, bytes, nats, ...(words && { words: words[u]! }) };
  });
  const size = {
    tokens: scored.reduce((total, { tokens }) => total + tokens, 0),
    bytes: scored.reduce((total, { bytes }) => total + bytes, 0),
  };
  return { ...figures(sum, size), ...size, units: scored, seed, nfe };
}

function figures({ nats, error }: Estimate, { tokens, bytes }: { tokens: number; bytes: number }): Figures {
  const bits = 1 / bytes / Math.LN2;
  return {
    nats,
    natsPerToken: nats / tokens,
    natsPerTokenError: error / tokens,
    bitsPerByte: nats * bits,
    bitsPerByteError: error * bits,
  };
}

/** By the same masks: the error is that of the differences. */
const difference = (mine: Evaluated, theirs: Evaluated): Estimate =>
  estimate(
    mine.results.map((result, i) => ({ ...result, crossEntropy: theirs.results[i]!.crossEntropy - result.crossEntropy })),
    mine.levels,
  );

/** By masks of their own. */
const apart = (mine: Estimate, theirs: Estimate): Estimate => ({
  nats: theirs.nats - mine.nats,
  error: Math.hypot(mine.error, theirs.error),
});

function sameTokenizer(one: Model, other: Model): boolean {
  if (one.tokenizer === other.tokenizer) return true;
  const [a, b] = [one.tokenizer.toJson().model, other.tokenizer.toJson().model];
  return JSON.stringify([a.vocab, a.merges]) === JSON.stringify([b.vocab, b.merges]);
}
