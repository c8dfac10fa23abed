// New text: from nothing, from a prompt, up to a suffix. Knows no runtime: it runs with any session.
import { mustBe } from '@mdiff/arguments';
import { encodeBefore, fewestTokens, layOut, windowLimit, type Gap, type Layout } from './canvas.js';
import { GenerateError } from './errors.js';
import { cut, decodeGap, RUN_OPTIONS, together, type RunOptions, type Target } from './fill.js';
import { chooseLengths } from './lengths.js';
import type { Model } from './model.js';
import { checkNames, resolveSampling, seedAt, type Sampling } from './options.js';
import { follow, type TextPiece } from './prefix.js';
import { recordProbabilities, within, type TokenProbability } from './probabilities.js';
import { placedWords, withPlaced, type Placed, type WordsAt } from './rules.js';
import { fillWholeWords } from './wholewords.js';
import { writeOn } from './write.js';

/** Tokens between prompt and suffix that are tried, unless `maxTokens` says more. */
const LONGEST_BRIDGE = 32;

export interface GenerateOptions extends RunOptions {
  /** Text to continue. */
  readonly prompt?: string;
  /** Text that must follow; the gap before it gets as many tokens as read best. */
  readonly suffix?: string;
  /**
   * The most new tokens; replaces `maxLength`. Without a suffix they may be more than the model sees at once: the text then goes on section by
   * section, and the model sees the last part of what stands.
   */
  readonly maxTokens?: number;
  /** The fewest new tokens: the model does not end the text before them. */
  readonly minTokens?: number;
  /** Words, or ids of tokens, by their place: token 0 is the first new one. A word of several tokens takes as many places. */
  readonly wordsAt?: WordsAt;
  /** Name the probability of each new token, and of as many likelier ones as `alternatives` says. Default false. */
  readonly probabilities?: boolean;
  /** Called with each piece of a text, in order, as soon as no later step can change it. */
  readonly onText?: (piece: TextPiece) => void;
}

export interface Text {
  /** Prompt, new text, suffix. */
  readonly text: string;
  /** The new text alone. */
  readonly completion: string;
  /** Tokens of `completion`, `[EOS]` not counted. */
  readonly tokens: number;
  /** stop: the text ended by itself (an `[EOS]` of the model, a stop string, the suffix); length: it has as many tokens as it may. */
  readonly finish: 'stop' | 'length';
  readonly seed: number;
  /** NFE, number of function evaluations: forward passes that this text took part in. */
  readonly nfe: number;
  /** The tokens that `completion` begins in, in order; only with the option `probabilities`. */
  readonly probabilities?: readonly TokenProbability[];
}

export interface GenerateResult {
  readonly texts: readonly Text[];
  /** Tokens of prompt and suffix. */
  readonly promptTokens: number;
}

/** Samples `n` texts. Throws {@link GenerateError} when the request does not fit the model. */
export async function generate(model: Model, options: GenerateOptions = {}): Promise<GenerateResult> {
  mustBe('generate', 'model', model, 'object');
  checkNames('generate', options, ['prompt', 'suffix', 'maxTokens', 'minTokens', 'wordsAt', 'probabilities', 'onText', ...RUN_OPTIONS]);
  const { prompt = '', suffix = '', maxTokens, minTokens } = options;
  for (const [name, text] of Object.entries({ prompt, suffix })) {
    if (typeof text !== 'string') throw new GenerateError(`${name}: expected a string, got ${JSON.stringify(text)}`);
  }
  for (const [name, value, least] of [
    ['maxTokens', maxTokens, 1],
    ['minTokens', minTokens, 0],
  ] as const) {
    if (value !== undefined && (!Number.isInteger(value) || value < least))
      throw new GenerateError(`${name}: expected an integer >= ${least}, got ${value}`);
  }
  const sampling = resolveSampling(model.generation, options);
  const limit = limitOf(model, { prompt, suffix, maxTokens, requested: options.maxLength }, sampling);
  const placed = placedWords(model, { ...options, prompt });
  checkFit({ limit, minTokens, placed });
  const request = { prompt, suffix, sampling, limit, placed, least: Math.max(minTokens ?? 0, placed.end) };
  return suffix === '' ? open(model, request, options) : closed(model, request, options);
}

interface Request {
  readonly prompt: string;
  readonly suffix: string;
  readonly sampling: Sampling;
  /** the most new tokens */
  readonly limit: number;
  /** the fewest new tokens */
  readonly least: number;
  readonly placed: Placed;
}

function checkFit({ limit, minTokens = 0, placed }: { limit: number; minTokens: number | undefined; placed: Placed }): void {
  if (minTokens > limit) throw new GenerateError(`minTokens: expected an integer <= ${limit}, the most new tokens here, got ${minTokens}`);
  if (placed.end > limit)
    throw new GenerateError(
      `wordsAt: the last word ends at token ${placed.end}, and the new text has at most ${limit}; raise maxTokens or move the word`,
    );
}

/** Writes the prompt on. */
async function open(
  model: Model,
  { prompt, sampling: chosen, limit, least, placed }: Request,
  options: GenerateOptions,
): Promise<GenerateResult> {
  const { ids, spaced } = encodeBefore(model.tokenizer, prompt);
  const sampling = { ...chosen, minLength: Math.max(chosen.minLength, least > 0 ? ids.length + least : 0) };
  const follower = options.onText && follow({ model, spaced, sampling, onText: options.onText });
  const recorder = options.probabilities ? recordProbabilities() : undefined;
  const onStep = together(recorder?.step, options.onStep);
  const written = await writeOn({ model, sampling, prompt: ids, spaced, limit, placed, follower }, { ...options, onStep });
  const texts = written.map(({ ids: tokens, ended, nfe, seed }, i): Text => {
    const whole = decodeGap(model, { canvas: Int32Array.from(tokens) }, { start: 0, spaced }, tokens.length);
    const completion = cut(whole, sampling.stop);
    follower?.end(i, completion);
    const count = completion === whole ? tokens.length : model.tokenizer.encode(completion).length;
    const probabilities = recorder && within(recorder.of(i, tokens, ids.length), { completion, whole, spaced }, model);
    const finish = ended ? 'stop' : 'length';
    return { text: prompt + completion, completion, tokens: count, finish, seed, nfe, ...(probabilities && { probabilities }) };
  });
  return { texts, promptTokens: ids.length };
}

/** Fills the gap between prompt and suffix, with as many tokens as read best, at most `limit`. */
async function closed(
  model: Model,
  { prompt, suffix, sampling, limit, least, placed }: Request,
  options: GenerateOptions,
): Promise<GenerateResult> {
  const place = (layout: Layout) => withPlaced(layout, placed, { from: 0, fixed: true });
  const chosen = await chooseLengths({ model, parts: [prompt, { gap: [Math.max(1, least), limit] }, suffix], sampling, place }, options);
  const targets = chosen.map(({ parts }, row): Target => ({
    ...place(layOut(parts, model.config, model.tokenizer, { closed: true })),
    seed: seedAt(sampling, row),
    row,
  }));
  const gapOf = (row: number): Gap => targets[row]!.layout.gaps[0]!;
  const follower = options.onText && follow({ model, spaced: gapOf(0).spaced, sampling, onText: options.onText });
  const recorder = options.probabilities ? recordProbabilities() : undefined;
  const onStep = together(recorder?.step, follower && ((step) => follower.step(step, gapOf(step.row))), options.onStep);
  const results = await fillWholeWords({ model, targets, sampling }, { ...options, onStep });
  const texts = results.map((result, i): Text => {
    const { start, length, spaced } = gapOf(i);
    const whole = decodeGap(model, result, gapOf(i), length);
    const completion = cut(whole, sampling.stop);
    follower?.end(i, completion);
    const tokens = completion === whole ? length : model.tokenizer.encode(completion).length;
    const finish = length < limit || completion !== whole ? 'stop' : 'length';
    const ids = result.canvas.subarray(start, start + length);
    const probabilities = recorder && within(recorder.of(i, ids, start - targets[i]!.layout.offset), { completion, whole, spaced }, model);
    return {
      text: prompt + completion + suffix,
      completion,
      tokens,
      finish,
      seed: targets[i]!.seed,
      nfe: chosen[i]!.nfe + result.nfe,
      ...(probabilities && { probabilities }),
    };
  });
  return { texts, promptTokens: targets[0]!.layout.textTokens };
}

/** The most new tokens. Without a suffix they may be more than the model sees at once. Throws if not one fits. */
function limitOf(
  model: Model,
  { prompt, suffix, maxTokens, requested }: Pick<Request, 'prompt' | 'suffix'> & Record<'maxTokens' | 'requested', number | undefined>,
  sampling: Sampling,
): number {
  const isClosed = suffix !== '';
  const window = maxTokens === undefined ? windowOf(model, sampling, requested) : windowLimit(model.config);
  const fewest = fewestTokens(model.tokenizer, prompt) + fewestTokens(model.tokenizer, suffix);
  if (fewest > window) throw tooLong(model, { textTokens: fewest, bound: 'at least ', window, closed: isClosed });
  const textTokens = encodeBefore(model.tokenizer, prompt).ids.length + model.tokenizer.encode(suffix).length;
  const room = window - textTokens - (isClosed ? 1 : 0);
  if (room < 1) throw tooLong(model, { textTokens, window, closed: isClosed });
  if (maxTokens !== undefined) return isClosed ? Math.min(room, maxTokens) : maxTokens;
  // The window counts the [EOS] of an open text, unless the text may not end before the window is full.
  if (isClosed) return Math.min(room, LONGEST_BRIDGE);
  return sampling.minLength >= window ? room : Math.max(1, room - 1);
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
  { textTokens, bound = '', window, closed }: { textTokens: number; bound?: string; window: number; closed: boolean },
): GenerateError {
  const most = Math.max(0, window - (closed ? 2 : 1));
  const subject = closed ? 'prompt and suffix' : 'prompt';
  const reason = window < windowLimit(config) ? `max_length ${window}` : `model.max_seq_len ${config.max_seq_len}`;
  const remedy = window < windowLimit(config) ? 'shorten the text or raise max_length' : 'shorten the text';
  return new GenerateError(
    `${subject}: expected at most ${most} tokens, so that one can be added (${reason}), got ${bound}${textTokens}; ${remedy}`,
    { tooLong: true },
  );
}
