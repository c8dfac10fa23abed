// Sampling with a loaded model: from nothing, from a prompt, around gaps. Knows no runtime: it runs with any session.
import {
  denoiseBatch,
  sampler,
  type DenoiseResult,
  type DenoiserRow,
  type SamplingOptions as DiffusionOptions,
  type StepEvent,
} from '@mdiff/diffusion';
import { encodeBefore, layOut, startsWithSpace, windowLimit, type Gap, type Layout, type Part } from './canvas.js';
import { GenerateError } from './errors.js';
import type { Model } from './model.js';
import { resolveSampling, seedOf, type Sampling, type SamplingOptions } from './options.js';

/**
 * The most logits that one forward pass may return. If more texts are wanted than fit, they are sampled in turns, with the same result.
 * The limit bounds memory and the time for which drawing tokens blocks the caller's event loop. It costs nothing on a processor, where a
 * pass over four windows takes four times as long as a pass over one (measured).
 */
const MAX_LOGITS = 2 ** 21;

interface RunOptions extends SamplingOptions {
  /** Aborting rejects with the signal's reason, between two passes. */
  readonly signal?: AbortSignal;
  /** After each step of each text; `row` is the text's index. */
  readonly onStep?: (event: StepEvent) => void;
}

export interface GenerateOptions extends RunOptions {
  /** Text to continue. */
  readonly prompt?: string;
  /** Text that must follow; the gap before it is filled to its last token. */
  readonly suffix?: string;
  /** The most new tokens, limited by the length of the model; replaces `maxLength`. */
  readonly maxTokens?: number;
}

export interface Text {
  /** Prompt, new text, suffix. */
  readonly text: string;
  /** The new text alone. */
  readonly completion: string;
  /** Tokens of `completion`, `[EOS]` not counted. */
  readonly tokens: number;
  /** stop: the text ended by itself (`[EOS]`, a stop string, the suffix); length: the window ended. */
  readonly finish: 'stop' | 'length';
  readonly seed: number;
  /** NFE, number of function evaluations: forward passes that this text took part in. */
  readonly nfe: number;
}

export interface GenerateResult {
  readonly texts: readonly Text[];
  /** Tokens of prompt and suffix. */
  readonly promptTokens: number;
}

/** Samples `n` texts. Throws {@link GenerateError} when the request does not fit the model. */
export async function generate(
  model: Model,
  { prompt = '', suffix = '', maxTokens, ...options }: GenerateOptions = {},
): Promise<GenerateResult> {
  const sampling = resolveSampling(model.generation, options);
  const closed = suffix !== '';
  const limit = maxTokens ?? Infinity;
  if (maxTokens !== undefined && (!Number.isInteger(maxTokens) || maxTokens < 1))
    throw new GenerateError(`maxTokens: expected an integer >= 1, got ${maxTokens}`);
  const window = maxTokens === undefined ? windowOf(model, sampling, options.maxLength) : windowLimit(model.config);
  const textTokens = encodeBefore(model.tokenizer, prompt).ids.length + model.tokenizer.encode(suffix).length;
  const room = window - textTokens - (closed ? 1 : 0);
  if (room < 1) throw tooLong(model, { textTokens, window, closed });
  // An open text gets one mask more than the tokens asked for, because its [EOS] needs one.
  const gap = Math.min(room, closed ? limit : limit + 1);
  const layout = layOut([prompt, { gap }, suffix], model.config, model.tokenizer, { closed });
  const job: Job = { model, layout, sampling, closed };
  const results = await fill(job, options);
  const texts = results.map((result, i): Text => {
    const { completion, ...rest } = complete(job, result, limit);
    return { text: prompt + completion + suffix, completion, ...rest, seed: seedOf(sampling) + i, nfe: result.nfe };
  });
  return { texts, promptTokens: layout.textTokens };
}

/** The new text of a canvas with one gap: at most `limit` tokens of it, up to its end and the first stop string. */
function complete(
  { model, layout, sampling, closed }: Job,
  result: DenoiseResult,
  limit: number,
): Pick<Text, 'completion' | 'tokens' | 'finish'> {
  const gap = layout.gaps[0]!;
  const length = Math.min(result.end === null ? gap.length : result.end - gap.start, limit);
  const whole = decodeGap(model, result, gap, length);
  const completion = cut(whole, sampling.stop);
  const stopped = closed || result.end === gap.start + length || completion !== whole;
  const tokens = completion === whole ? length : model.tokenizer.encode(completion).length;
  return { completion, tokens, finish: stopped ? 'stop' : 'length' };
}

export interface InfillResult {
  readonly texts: readonly {
    /** All parts joined. The given text is unchanged, character by character. */
    readonly text: string;
    /** The text of each gap. */
    readonly fills: readonly string[];
    readonly seed: number;
    readonly nfe: number;
  }[];
  readonly promptTokens: number;
}

/** Fills the gaps of a text, each to its last token. `parseGaps` makes parts of a marked text. Throws {@link GenerateError}. */
export async function infill(model: Model, parts: readonly Part[], options: RunOptions = {}): Promise<InfillResult> {
  const sampling = resolveSampling(model.generation, options);
  const layout = layOut(parts, model.config, model.tokenizer, { closed: true });
  if (layout.gaps.length === 0) throw new GenerateError('text: no gap to fill; give at least one part { gap: tokens }');
  const results = await fill({ model, layout, sampling, closed: true }, options);
  const texts = results.map((result, i) => {
    const fills = layout.gaps.map((gap) => decodeGap(model, result, gap, gap.length));
    let next = 0;
    return {
      text: parts.map((part) => (typeof part === 'string' ? part : fills[next++])).join(''),
      fills,
      seed: seedOf(sampling) + i,
      nfe: result.nfe,
    };
  });
  return { texts, promptTokens: layout.textTokens };
}

/** Tokens of the window, `[EOS]` included. A requested length must fit the model; the default of its folder is cut to the model. */
function windowOf({ config }: Model, { maxLength }: Sampling, requested: number | undefined): number {
  if (requested !== undefined && requested > config.max_seq_len) {
    throw new GenerateError(`maxLength: expected an integer <= model.max_seq_len (${config.max_seq_len}), got ${requested}`);
  }
  return Math.min(maxLength, windowLimit(config));
}

function tooLong(
  { config }: Model,
  { textTokens, window, closed }: { textTokens: number; window: number; closed: boolean },
): GenerateError {
  const most = Math.max(0, window - (closed ? 2 : 1));
  const subject = closed ? 'prompt and suffix' : 'prompt';
  const reason = window < windowLimit(config) ? `max_length ${window}` : `model.max_seq_len ${config.max_seq_len}`;
  const remedy = window < windowLimit(config) ? 'shorten the text or raise max_length' : 'shorten the text';
  return new GenerateError(
    `${subject}: expected at most ${most} tokens, so that one can be added (${reason}), got ${textTokens}; ${remedy}`,
  );
}

interface Job {
  readonly model: Model;
  readonly layout: Layout;
  readonly sampling: Sampling;
  /** true: fixed text or [EOS] stands behind the last gap, so every gap is filled to its last token */
  readonly closed: boolean;
}

/** Runs the sampler on copies of the canvas, as many at a time as `MAX_LOGITS` allows. */
async function fill(job: Job, { signal, onStep }: RunOptions): Promise<DenoiseResult[]> {
  const { model, layout, sampling } = job;
  const masks = layout.gaps.reduce((sum, { length }) => sum + length, 0);
  const turn = Math.max(1, Math.floor(MAX_LOGITS / (masks * model.config.vocab_size)));
  const spaced = new Set(layout.gaps.filter((gap) => gap.spaced).map(({ start }) => start));
  const results: DenoiseResult[] = [];
  for (let first = 0; first < sampling.n; first += turn) {
    const count = Math.min(turn, sampling.n - first);
    const batch = await denoiseBatch({
      canvases: Array.from({ length: count }, () => layout.ids),
      seed: seedOf(sampling) + first,
      maskId: model.config.mask_token_id,
      sampler: sampler(sampling.sampler),
      options: diffusionOptions(job),
      denoiser: async (rows) => demandSpaces(await model.denoise(rows), rows, spaced, model),
      ...(signal ? { signal } : {}),
      ...(onStep ? { onStep: (event: StepEvent) => onStep({ ...event, row: event.row + first }) } : {}),
    });
    results.push(...batch);
  }
  return results;
}

function diffusionOptions({ model: { config, tokenizer }, layout, sampling, closed }: Job): Partial<DiffusionOptions> {
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
    logitBias: styleBias(tokenizer, config.vocab_size, sampling),
    forbidden,
    eosId: closed ? null : config.eos_token_id,
    minLength: sampling.minLength,
    textStart: layout.offset,
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

/** Lets only tokens that begin with a space come first in a gap that must bring a space back. */
function demandSpaces(
  logits: Float32Array,
  rows: readonly DenoiserRow[],
  spaced: ReadonlySet<number>,
  { config, tokenizer }: Model,
): Float32Array {
  if (spaced.size === 0) return logits;
  const allowed = startsWithSpace(tokenizer);
  let m = 0;
  for (const { positions } of rows) {
    for (const position of positions) {
      const row = logits.subarray(m * config.vocab_size, ++m * config.vocab_size);
      if (spaced.has(position)) for (let id = 0; id < row.length; id++) if (!allowed[id]) row[id] = -Infinity;
    }
  }
  return logits;
}

/** Text of the first `length` tokens of a gap, less the space that the given text already ends in. */
function decodeGap({ tokenizer }: Model, { canvas }: DenoiseResult, { start, spaced }: Gap, length: number): string {
  const text = tokenizer.decode(canvas.subarray(start, start + length));
  return spaced ? text.slice(1) : text;
}

function cut(text: string, stop: readonly string[]): string {
  const ends = stop
    .filter((word) => word !== '')
    .map((word) => text.indexOf(word))
    .filter((index) => index >= 0);
  return ends.length === 0 ? text : text.slice(0, Math.min(...ends));
}
