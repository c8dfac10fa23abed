// How likely a text is: the bound that training reports, for any text, and its difference between two models. Knows no runtime.
import { mustBe } from '@mdiff/arguments';
import { GenerateError } from './errors.js';
import { estimate, type Estimate } from './estimate.js';
import { cut, evaluate, type Evaluated, type ScoreOptions } from './evaluate.js';
import type { Model } from './model.js';
import { windowLimit } from './canvas.js';
import { nextTokens, predictsNext } from './chain.js';
import type { PassOptions } from './passes.js';
import type { ScoredText, ScoredUnit } from './units.js';
import type { WordScore } from './words.js';

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

/**
 * NELBO of a text, over all mask ratios, with masks stratified as in training's evaluation: the same text in the same units with the same seed and levels
 * has the figure that training reports. Throws {@link GenerateError} for a text without words.
 */
export async function score(model: Model, text: ScoredText, options: ScoreOptions = {}): Promise<Score> {
  mustBe('score', 'model', model, 'object');
  mustBe('score', 'options', options, 'object');
  return (await compare([model], text, options)).scores[0]!;
}

export interface Ranked extends Score {
  readonly text: string;
  /** place in the list that was given */
  readonly index: number;
}

/** The texts, from the likeliest to the least likely token for token. Throws {@link GenerateError} naming a text without words. */
export async function rank(model: Model, texts: readonly string[], options: ScoreOptions = {}): Promise<Ranked[]> {
  mustBe('rank', 'model', model, 'object');
  mustBe('rank', 'texts', texts, 'list');
  mustBe('rank', 'options', options, 'object');
  const ranked: Ranked[] = [];
  for (const [index, text] of texts.entries()) {
    if (text.trim() === '') throw new GenerateError(`texts[${index}]: no text to score; give at least one word`);
    ranked.push({ text, index, ...(await score(model, text, options)) });
  }
  return ranked.sort((a, b) => a.natsPerToken - b.natsPerToken || a.index - b.index);
}

/** A text and its likelihood by next-token prediction. */
export interface RankedByNextToken {
  readonly text: string;
  /** place in the list that was given */
  readonly index: number;
  /** exact for writing from left to right; `[EOS]` included */
  readonly natsPerToken: number;
  /** NFE: one for each token, in passes that the texts share */
  readonly nfe: number;
}

/**
 * The texts, from the likeliest to the least likely token for token, by the model's next-token prediction: one token of all texts in a pass, many times
 * as fast as `rank`. The order may differ from that of `rank`, which asks how well the model fills gaps.
 * Throws {@link GenerateError} for a model that does not predict the next token (`predictsNext`), and naming a text without words.
 */
export async function rankByNextToken(model: Model, texts: readonly string[], options: PassOptions = {}): Promise<RankedByNextToken[]> {
  mustBe('rankByNextToken', 'model', model, 'object');
  mustBe('rankByNextToken', 'texts', texts, 'list');
  mustBe('rankByNextToken', 'options', options, 'object');
  if (!predictsNext(model))
    throw new GenerateError(
      `${model.name}: this model does not predict the next token (it has no causal graph, or never learnt to); use rank`,
    );
  const units: { unit: ScoredUnit; index: number }[] = [];
  for (const [index, text] of texts.entries()) {
    if (text.trim() === '') throw new GenerateError(`texts[${index}]: no text to score; give at least one word`);
    for (const unit of await cut(text, model, windowLimit(model.config))) units.push({ unit, index });
  }
  const nats = await nextTokens(
    model,
    units.map(({ unit }) => unit),
    options,
  );
  const sums = texts.map(() => ({ nats: 0, tokens: 0 }));
  for (const [i, { unit, index }] of units.entries()) {
    sums[index]!.nats += nats[i]!;
    sums[index]!.tokens += unit.ids.length + 1;
  }
  return texts
    .map((text, index) => ({ text, index, natsPerToken: sums[index]!.nats / sums[index]!.tokens, nfe: sums[index]!.tokens }))
    .sort((a, b) => a.natsPerToken - b.natsPerToken || a.index - b.index);
}

/** ln p_one(text) − ln p_other(text), by their bounds: positive where the first model finds the text likelier. */
export interface LikelihoodRatio extends Omit<Figures, 'natsPerToken' | 'natsPerTokenError'> {
  /** null where the tokenizers differ: their tokens are not the same stretches of text */
  readonly natsPerToken: number | null;
  readonly natsPerTokenError: number | null;
}

export interface Comparison {
  /** in the order of the models */
  readonly scores: readonly Score[];
  /** the log-likelihood ratio of two of the models, by their places in the list */
  ratio(one: number, other: number): LikelihoodRatio;
}

/**
 * Scores a text under several models. Those of one tokenizer see the same masks of the same units, so that most of the error of a ratio cancels. Two models
 * of different tokenizers each have their own, and only bytes can be compared. Throws {@link GenerateError} for a text without words.
 */
export async function compare(models: readonly Model[], text: ScoredText, options: ScoreOptions = {}): Promise<Comparison> {
  mustBe('compare', 'models', models, 'list');
  mustBe('compare', 'options', options, 'object');
  const evaluated: Evaluated[] = [];
  for (const model of models) {
    const alike = models.filter((other) => sameTokenizer(model, other));
    evaluated.push(await evaluate(model, await cut(text, model, Math.min(...alike.map(slotOf))), options));
  }
  const scores = evaluated.map(scoreOf);
  return {
    scores,
    ratio(one, other) {
      const alike = sameTokenizer(models[one]!, models[other]!);
      const [mine, theirs] = [evaluated[one]!, evaluated[other]!];
      const { natsPerToken, natsPerTokenError, ...rest } = figures(
        alike ? difference(mine, theirs) : apart(mine.estimate, theirs.estimate),
        scores[one]!,
      );
      return { ...rest, natsPerToken: alike ? natsPerToken : null, natsPerTokenError: alike ? natsPerTokenError : null };
    },
  };
}

/** The log-likelihood ratio of two models on a text, as `compare` has it. Throws {@link GenerateError} for a text without words. */
export async function likelihoodRatio(
  model: Model,
  other: Model,
  text: ScoredText,
  options: ScoreOptions = {},
): Promise<LikelihoodRatio & { readonly model: Score; readonly other: Score }> {
  mustBe('likelihoodRatio', 'model', model, 'object');
  mustBe('likelihoodRatio', 'other', other, 'object');
  mustBe('likelihoodRatio', 'options', options, 'object');
  const { scores, ratio } = await compare([model, other], text, options);
  return { ...ratio(0, 1), model: scores[0]!, other: scores[1]! };
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

/** Most tokens of a unit of this model, `[EOS]` not counted. */
const slotOf = ({ config }: Pick<Model, 'config'>): number => windowLimit(config) - 1;
