// Masks of a text, and how likely a model finds the tokens behind them. Training evaluates by the same masks.
import { projectSeed } from '@mdiff/config/sampling';
import { stratifiedMasks, type EvaluationResult } from '@mdiff/diffusion';
import type { Tokenizer } from '@mdiff/text';
import { GenerateError } from './errors.js';
import { estimate, type Estimate } from './estimate.js';
import type { Model } from './model.js';
import { crossEntropies, type PassOptions, type Question } from './passes.js';
import type { ScoredText, ScoredUnit } from './units.js';
import { canvasOf, scoreWords, type WordScore } from './words.js';

export interface ScoreOptions extends PassOptions {
  /** Decides the masks: the same seed gives the same figure. Default: that of the configuration's top-level `seed`. */
  readonly seed?: number;
  /** Masks of each unit. Default: 4, as in training's last evaluation, and more for a short text, up to 64 masks in all. */
  readonly levels?: number;
  /** Score each word too, which takes one more canvas for each token. Default false. */
  readonly words?: boolean;
}

const LEVELS = 4;
const MASKS = 64;

/** What one model says about all masks of a text. */
export interface Evaluated {
  readonly units: readonly ScoredUnit[];
  readonly results: readonly EvaluationResult[];
  readonly levels: number;
  readonly seed: number;
  readonly estimate: Estimate;
  readonly words?: readonly (readonly WordScore[])[];
  readonly nfe: number;
}

const charactersIn = (text: ScoredText): number => {
  if (typeof text === 'string') return text.length;
  return ('units' in text ? text.units : text).reduce((sum, { length }) => sum + length, 0);
};

/** Characters that are cut into units where the caller is: about 5 ms. */
const SHORT = 4_000;

export async function cut(text: ScoredText, model: Model, slot: number): Promise<ScoredUnit[]> {
  const units =
    charactersIn(text) > SHORT && model.unitsOf ? await model.unitsOf({ text, slot }) : await cutUnits(text, model.tokenizer, slot);
  if (units.length === 0) throw new GenerateError('text: no text to score; give at least one word');
  return units;
}

/** In this thread. */
export async function cutUnits(text: ScoredText, tokenizer: Pick<Tokenizer, 'encode'>, slot: number): Promise<ScoredUnit[]> {
  // Sentence cutting loads a library, which writing a text does without.
  const { unitsOf } = await import('./units.js');
  return unitsOf(text, tokenizer, slot);
}

export async function evaluate(model: Model, units: readonly ScoredUnit[], options: ScoreOptions): Promise<Evaluated> {
  if (model.config.causal_share === 1)
    throw new GenerateError(
      `${model.name} was trained by next-token prediction alone (training.causal_fraction 1), so its NELBO would mean nothing; mdiff evaluate gives its next-token likelihood`,
    );
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
