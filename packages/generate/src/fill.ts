// Runs a sampler on canvases and turns what it wrote back into text. Knows no request: generate, infill and rewrite lay their canvases out.
import type { Constraints, DenoiseResult, SamplingOptions as DiffusionOptions, StepEvent } from '@mdiff/diffusion';
import { spaceTokens, wordPieces, type Gap, type Layout } from './canvas.js';
import { fillCausal } from './causal.js';
import { GenerateError } from './errors.js';
import { fillCanvases } from './fillcanvases.js';
import type { Model } from './model.js';
import type { Sampling, SamplingOptions } from './options.js';
import { wordRules, type WordOptions } from './rules.js';

/**
 * The most logits that one forward pass may return. If more texts are wanted than fit, they are sampled in turns, with the same result.
 * The limit bounds memory, and the time for which one request keeps the others waiting. It costs nothing on a processor, where a pass over
 * four windows takes four times as long as a pass over one (measured). From left to right a pass reads the weights for one token of each text, so
 * that texts of one pass are nearly free: there each asks for one row of logits, and `MAX_CACHED` bounds the tokens that all caches together hold.
 */
const MAX_LOGITS = 2 ** 21;
const MAX_CACHED = 2 ** 13;

export interface RunOptions extends SamplingOptions, WordOptions {
  /** Added to the logits, by token id. */
  readonly logitBias?: Readonly<Record<number, number>>;
  /** Likeliest tokens that each commit of `onStep` names beside its own; 0 unless given. */
  readonly alternatives?: number;
  /** Aborting rejects with the signal's reason, between two passes. */
  readonly signal?: AbortSignal;
  /**
   * After each step of each text; `row` is the text's index. Where fixed text follows a gap, the steps are those of the last filling, which costs as many
   * passes once more (a gap of four tokens 9 instead of 5).
   */
  readonly onStep?: ((event: Step) => void) | undefined;
}

/** Names of {@link RunOptions} that are no sampling options. */
export const RUN_OPTIONS = ['logitBias', 'allowedWords', 'forbiddenWords', 'alternatives', 'signal', 'onStep'] as const;
export type Run = Pick<RunOptions, (typeof RUN_OPTIONS)[number]>;

/** One text to write: its canvas, and the seed that its draws come from. */
export interface Target {
  readonly layout: Layout;
  readonly seed: number;
  /** the text's index, for `onStep` */
  readonly row: number;
  /** tokens of the text in front of its canvas; absent = none */
  readonly dropped?: number;
  readonly constraints?: Constraints;
}

/** One step of one text. Canvas position `offset` holds token `dropped` of the text; `offset` is 1 where the canvas begins with `[BOS]`. */
export interface Step extends StepEvent {
  readonly dropped: number;
  readonly offset: number;
}

export interface Job {
  readonly model: Model;
  readonly sampling: Sampling;
  /** true: fixed text or [EOS] stands behind the last gap, so every gap is filled to its last token */
  readonly closed: boolean;
  readonly targets: readonly Target[];
  /** masks that the model sees behind each canvas and that are not filled; 0 unless given */
  readonly ahead?: number;
}

type Listener = (step: Step) => void;

/** One listener for all that are there; undefined if there is none: steps that nobody watches stay in the inference thread. */
export function together(...listeners: readonly (Listener | undefined)[]): Listener | undefined {
  const all = listeners.filter((one) => one !== undefined);
  if (all.length === 0) return undefined;
  return (step) => {
    for (const one of all) one(step);
  };
}

/** Runs the sampler on copies of the canvases, as many at a time as fit. Result i belongs to target i. */
export async function fill(job: Job, { signal, onStep, ...limits }: Run): Promise<DenoiseResult[]> {
  const { model, sampling, targets, ahead = 0 } = job;
  if (model.config.causal_share === 1 && sampling.sampler !== 'causal')
    throw new GenerateError(
      `sampler: ${model.name} was trained by next-token prediction alone (training.causal_fraction 1), so it writes from left to right and fills no gaps; set sampler to "causal"`,
    );
  const options = diffusionOptions(job, limits);
  const results: DenoiseResult[] = [];
  for (const turn of turns(targets, { vocabulary: model.config.vocab_size, causal: sampling.sampler === 'causal' })) {
    const tell = ({ row, ...event }: StepEvent): void => {
      const { layout, dropped = 0, row: text } = turn[row]!;
      onStep!({ ...event, row: text, dropped, offset: layout.offset });
    };
    const args = {
      canvases: turn.map(({ layout }) => layout.ids),
      constraints: turn.map((target) => constraintsOf(target, model)),
      seeds: turn.map(({ seed }) => seed),
      sampler: sampling.sampler,
      options,
      ahead,
    };
    const watch = { signal, onStep: onStep && tell };
    results.push(...(await (sampling.sampler === 'causal' ? fillCausal(job, args, watch) : fillCanvases(model, args, watch))));
  }
  return results;
}

/** Only tokens that begin with a space come first in a gap that must bring a space back. */
function constraintsOf({ layout, constraints }: Target, { tokenizer }: Model): Constraints | undefined {
  const starts = layout.gaps.filter(({ spaced }) => spaced);
  if (starts.length === 0) return constraints;
  const all = new Map(constraints);
  for (const { start } of starts) {
    const { allow, ...rest } = all.get(start) ?? {};
    const spaces = spaceTokens(tokenizer);
    all.set(start, { ...rest, allow: allow?.filter((id) => spaces.includes(id)) ?? spaces });
  }
  return all;
}

/** Cuts targets into runs that fit, or into single ones. */
export function turns<T extends Pick<Target, 'layout'>>(
  targets: readonly T[],
  { vocabulary, causal }: { vocabulary: number; causal: boolean },
): T[][] {
  const out: T[][] = [];
  let [logits, cached] = [Infinity, 0];
  for (const target of targets) {
    const { ids, gaps } = target.layout;
    const wanted = vocabulary * (causal ? 1 : gaps.reduce((sum, { length }) => sum + length, 0));
    const kept = causal ? ids.length : 0;
    if (logits + wanted > MAX_LOGITS || cached + kept > MAX_CACHED) {
      out.push([]);
      [logits, cached] = [0, 0];
    }
    out.at(-1)!.push(target);
    logits += wanted;
    cached += kept;
  }
  return out;
}

function diffusionOptions(
  { model, sampling, closed }: Job,
  { logitBias, alternatives = 0, ...words }: Pick<RunOptions, 'logitBias' | 'alternatives' | keyof WordOptions>,
): Partial<DiffusionOptions> {
  const { config, tokenizer } = model;
  const forbidden = [config.pad_token_id, config.bos_token_id, config.sep_token_id];
  if (closed) forbidden.push(config.eos_token_id);
  for (let id = tokenizer.vocabSize; id < config.vocab_size; id++) forbidden.push(id);
  return {
    numSteps: sampling.numSteps,
    schedule: sampling.confidenceSchedule,
    temperature: sampling.temperature,
    topK: sampling.topK,
    topP: sampling.topP,
    repetitionPenalty: sampling.repetitionPenalty,
    logitBias: withBias(styleBias(tokenizer, config.vocab_size, sampling), config.vocab_size, logitBias),
    letters: wordPieces(tokenizer),
    wordGuard: sampling.wordGuard,
    words: wordRules(model, words, sampling),
    forbidden,
    eosId: closed ? null : config.eos_token_id,
    // Targets state it as constraints, since canvases of one run may begin at different tokens of their texts.
    minLength: 0,
    blockLength: sampling.blockLength,
    threshold: sampling.threshold,
    gamma: sampling.gamma,
    earlyCommit: sampling.earlyCommit,
    remasking: sampling.remasking,
    alternatives,
  };
}

/** ln(strength) for every token of the style strings, with and without a leading space. A factor would act the other way on negative logits. */
function styleBias(tokenizer: Model['tokenizer'], size: number, { styleTokens, styleStrength }: Sampling): Float64Array | null {
  if (styleStrength === 1) return null;
  const bias = new Float64Array(size);
  for (const token of styleTokens) {
    for (const text of [token, ` ${token}`]) for (const id of tokenizer.encode(text)) bias[id] = Math.log(styleStrength);
  }
  return bias;
}

/** Adds the biases of single ids. Throws {@link GenerateError} for one that is no number, or of no token. */
function withBias(style: Float64Array | null, size: number, logitBias: RunOptions['logitBias']): Float64Array | null {
  const entries = Object.entries(logitBias ?? {});
  if (entries.length === 0) return style;
  const bias = style ?? new Float64Array(size);
  for (const [id, value] of entries) {
    const known = Number.isInteger(Number(id)) && Number(id) >= 0 && Number(id) < size;
    if (!known) throw new GenerateError(`logitBias: expected token ids from 0 to ${size - 1}, got ${JSON.stringify(id)}`);
    if (!Number.isFinite(value)) throw new GenerateError(`logitBias: expected a finite number for id ${id}, got ${JSON.stringify(value)}`);
    bias[Number(id)]! += value;
  }
  return bias;
}

/** Text of the first `length` tokens of a gap, less the space that the given text already ends in. */
export function decodeGap(
  { tokenizer }: Model,
  { canvas }: Pick<DenoiseResult, 'canvas'>,
  { start, spaced }: Pick<Gap, 'start' | 'spaced'>,
  length: number,
): string {
  const text = tokenizer.decode(canvas.subarray(start, start + length));
  return spaced ? text.slice(1) : text;
}

/** The text before the first of the stop strings. */
export function cut(text: string, stop: readonly string[]): string {
  const ends = stop
    .filter((word) => word !== '')
    .map((word) => text.indexOf(word))
    .filter((index) => index >= 0);
  return ends.length === 0 ? text : text.slice(0, Math.min(...ends));
}
