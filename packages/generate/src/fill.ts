// Runs a sampler on canvases and turns what it wrote back into text. Knows no request: generate, infill and rewrite lay their canvases out.
import {
  denoiseBatch,
  sampler,
  type DenoiseResult,
  type DenoiserRow,
  type SamplingOptions as DiffusionOptions,
  type StepEvent,
} from '@mdiff/diffusion';
import { startsWithSpace, type Gap, type Layout } from './canvas.js';
import { GenerateError } from './errors.js';
import type { Model } from './model.js';
import { seedAt, type Sampling, type SamplingOptions } from './options.js';

/**
 * The most logits that one forward pass may return. If more texts are wanted than fit, they are sampled in turns, with the same result.
 * The limit bounds memory and the time for which drawing tokens blocks the caller's event loop. It costs nothing on a processor, where a
 * pass over four windows takes four times as long as a pass over one (measured).
 */
const MAX_LOGITS = 2 ** 21;

export interface RunOptions extends SamplingOptions {
  /** Added to the logits, by token id. */
  readonly logitBias?: Readonly<Record<number, number>>;
  /** Aborting rejects with the signal's reason, between two passes. */
  readonly signal?: AbortSignal;
  /** After each step of each text; `row` is the text's index. */
  readonly onStep?: (event: StepEvent) => void;
}

/** Names of {@link RunOptions} that are no sampling options. */
export const RUN_OPTIONS = ['logitBias', 'signal', 'onStep'] as const;

/** One text to write: its canvas, and the seed that its draws come from. */
export interface Target {
  readonly layout: Layout;
  readonly seed: number;
  /** the text's index, for `onStep` */
  readonly row: number;
}

export interface Job {
  readonly model: Model;
  readonly sampling: Sampling;
  /** true: fixed text or [EOS] stands behind the last gap, so every gap is filled to its last token */
  readonly closed: boolean;
  readonly targets: readonly Target[];
}

/** A target for each text, all with the same canvas. */
export const targetsOf = (layout: Layout, sampling: Sampling): Target[] =>
  Array.from({ length: sampling.n }, (_, row) => ({ layout, seed: seedAt(sampling, row), row }));

/** Runs the sampler on copies of the canvases, as many at a time as `MAX_LOGITS` allows. Result i belongs to target i. */
export async function fill(
  job: Job,
  { logitBias, signal, onStep }: Pick<RunOptions, (typeof RUN_OPTIONS)[number]>,
): Promise<DenoiseResult[]> {
  const { model, sampling, targets } = job;
  const results: DenoiseResult[] = [];
  for (const turn of turns(targets, model.config.vocab_size)) {
    const batch = await denoiseBatch({
      canvases: turn.map(({ layout }) => layout.ids),
      seed: turn.map(({ seed }) => seed),
      maskId: model.config.mask_token_id,
      sampler: sampler(sampling.sampler),
      options: diffusionOptions(job, logitBias),
      denoiser: async (rows) => demandSpaces(await model.denoise(rows), { rows, targets: turn, model }),
      ...(signal ? { signal } : {}),
      ...(onStep ? { onStep: (event: StepEvent) => onStep({ ...event, row: turn[event.row]!.row }) } : {}),
    });
    results.push(...batch);
  }
  return results;
}

/** Cuts targets into runs whose masks ask for at most `MAX_LOGITS` logits together, or into single ones. */
function turns(targets: readonly Target[], vocabulary: number): Target[][] {
  const out: Target[][] = [];
  let logits = Infinity;
  for (const target of targets) {
    const wanted = vocabulary * target.layout.gaps.reduce((sum, { length }) => sum + length, 0);
    if (logits + wanted > MAX_LOGITS) {
      out.push([]);
      logits = 0;
    }
    out.at(-1)!.push(target);
    logits += wanted;
  }
  return out;
}

function diffusionOptions(
  { model: { config, tokenizer }, targets, sampling, closed }: Job,
  logitBias: RunOptions['logitBias'],
): Partial<DiffusionOptions> {
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
    forbidden,
    eosId: closed ? null : config.eos_token_id,
    minLength: sampling.minLength,
    textStart: targets[0]!.layout.offset,
    blockLength: sampling.blockLength,
    threshold: sampling.threshold,
    gamma: sampling.gamma,
    earlyCommit: sampling.earlyCommit,
    remasking: sampling.remasking,
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

/** Lets only tokens that begin with a space come first in a gap that must bring a space back. */
function demandSpaces(
  logits: Float32Array,
  { rows, targets, model: { config, tokenizer } }: { rows: readonly DenoiserRow[]; targets: readonly Target[]; model: Model },
): Float32Array {
  const starts = targets.map(({ layout }) => new Set(layout.gaps.filter(({ spaced }) => spaced).map(({ start }) => start)));
  const allowed = startsWithSpace(tokenizer);
  let m = 0;
  for (const { positions, row: target } of rows) {
    for (const position of positions) {
      const row = logits.subarray(m * config.vocab_size, ++m * config.vocab_size);
      if (starts[target!]!.has(position)) for (let id = 0; id < row.length; id++) if (!allowed[id]) row[id] = -Infinity;
    }
  }
  return logits;
}

/** Text of the first `length` tokens of a gap, less the space that the given text already ends in. */
export function decodeGap({ tokenizer }: Model, { canvas }: Pick<DenoiseResult, 'canvas'>, { start, spaced }: Gap, length: number): string {
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
