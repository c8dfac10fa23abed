// The figures of a text under a model: the bound with its parts, and what the chain rule gives on a sample. Training's evaluation has the same masks.
import { mustBe } from '@mdiff/arguments';
import { bucketsByRatio, nelboEstimate, type EvaluationResult, type RatioBucket } from '@mdiff/diffusion';
import { windowLimit } from './canvas.js';
import { drawUnits, leftToRight, nextTokens, predictsNext } from './chain.js';
import { cut, evaluate, type ScoreOptions } from './evaluate.js';
import type { Model } from './model.js';
import type { PassOptions } from './passes.js';
import type { ScoredText, ScoredUnit } from './units.js';

/** A figure of some units. The errors are over units, so that they cover the choice of the text and of the masks; NaN for one unit. */
export interface TextFigure {
  readonly units: number;
  /** of the text, and one `[EOS]` for each unit */
  readonly tokens: number;
  /** of the units' text in UTF-8 */
  readonly bytes: number;
  readonly natsPerToken: number;
  readonly natsPerTokenError: number;
  readonly bitsPerByte: number;
  readonly bitsPerByteError: number;
}

export interface BoundOptions extends Omit<ScoreOptions, 'words'> {
  /** A label for each unit, in their order; units of one label have a figure of their own. */
  readonly bands?: readonly string[];
}

/** NELBO over all mask ratios, an upper bound on −ln p(text) in expectation over the masks. */
export interface Bound extends TextFigure {
  readonly seed: number;
  /** masks of each unit */
  readonly levels: number;
  /** mean cross-entropy of the masked tokens, by mask ratio */
  readonly byRatio: readonly RatioBucket[];
  /** NELBO of the units of each band, in the order in which the bands first come */
  readonly byBand?: Readonly<Record<string, TextFigure>>;
}

/** Cuts a text into the units that training makes of it. Throws {@link GenerateError} for a text without words. */
export const cutText = (model: Model, text: ScoredText): Promise<ScoredUnit[]> => {
  mustBe('cutText', 'model', model, 'object');
  return cut(text, model, windowLimit(model.config) - 1);
};

/** True for a model that has learnt nothing but the next token: its logits at masks mean nothing. */
export const isAutoregressive = (options: Model): boolean => {
  mustBe('isAutoregressive', 'options', options, 'object');
  const { config } = options;
  return config.causal_share === 1;
};

export async function boundOf(model: Model, units: readonly ScoredUnit[], input: BoundOptions = {}): Promise<Bound> {
  mustBe('boundOf', 'model', model, 'object');
  mustBe('boundOf', 'units', units, 'list');
  mustBe('boundOf', 'input', input, 'object');
  const { bands, ...options } = input;
  const { results, seed, levels } = await evaluate(model, units, options);
  const labels = [...new Set(bands)];
  const ofBand = (band: string): TextFigure => {
    const chosen = results.filter(({ unit }) => bands![unit] === band);
    return figureOf(chosen, units);
  };
  return {
    ...figureOf(results, units),
    seed,
    levels,
    byRatio: bucketsByRatio(results),
    ...(bands && { byBand: Object.fromEntries(labels.map((band) => [band, ofBand(band)])) }),
  };
}

/** Figures of the same units by the bound and by the chain rule. */
export interface ChainRule {
  /** NELBO of the units that were drawn; undefined for a model that has learnt nothing but the next token */
  readonly bound?: TextFigure;
  /** by the denoiser, writing from left to right; undefined as `bound` */
  readonly leftToRight?: TextFigure;
  /** by next-token prediction: exact for that mode; undefined for a model that has not learnt it */
  readonly nextToken?: TextFigure;
}

export interface ChainOptions extends PassOptions {
  /** tokens of the units that are drawn, at most */
  readonly tokens: number;
  readonly seed: number;
  readonly levels?: number;
}

export async function chainRuleOf(model: Model, units: readonly ScoredUnit[], options: ChainOptions): Promise<ChainRule> {
  mustBe('chainRuleOf', 'model', model, 'object');
  mustBe('chainRuleOf', 'units', units, 'list');
  mustBe('chainRuleOf', 'options', options, 'object');
  const { tokens, seed, levels, ...pass } = options;
  const drawn = drawUnits(units, { tokens, seed }).map((i) => units[i]!);
  const exact = (nats: Float64Array): TextFigure => figureOf(resultsOf(nats, drawn), drawn);
  const denoises = !isAutoregressive(model);
  return {
    ...(denoises && { bound: figureOf((await evaluate(model, drawn, { seed, ...(levels && { levels }) })).results, drawn) }),
    ...(denoises && { leftToRight: exact(await leftToRight(model, drawn, pass)) }),
    ...(predictsNext(model) && { nextToken: exact(await nextTokens(model, drawn, pass)) }),
  };
}

/** Nats of whole units as results of one mask each. */
const resultsOf = (nats: Float64Array, units: readonly ScoredUnit[]): EvaluationResult[] =>
  units.map(({ ids }, unit) => ({ unit, t: 1, weight: 1, maskable: ids.length + 1, crossEntropy: nats[unit]! }));

function figureOf(results: readonly EvaluationResult[], units: readonly ScoredUnit[]): TextFigure {
  const { nelbo, standardError, tokens, units: count } = nelboEstimate(results);
  const bytes = [...new Set(results.map(({ unit }) => unit))].reduce((sum, unit) => sum + units[unit]!.bytes, 0);
  const bits = tokens / bytes / Math.LN2;
  return {
    units: count,
    tokens,
    bytes,
    natsPerToken: nelbo,
    natsPerTokenError: standardError,
    bitsPerByte: nelbo * bits,
    bitsPerByteError: standardError * bits,
  };
}
