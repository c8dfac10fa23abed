// New text: from nothing, from a prompt, up to a suffix. Knows no runtime: it runs with any session.
import type { DenoiseResult, StepEvent } from '@mdiff/diffusion';
import { encodeBefore, layOut, windowLimit, type Layout } from './canvas.js';
import { GenerateError } from './errors.js';
import { cut, decodeGap, fill, RUN_OPTIONS, targetsOf, type RunOptions } from './fill.js';
import type { Model } from './model.js';
import { checkNames, resolveSampling, type Sampling } from './options.js';
import { follow, type TextPiece } from './prefix.js';

export interface GenerateOptions extends RunOptions {
  /** Text to continue. */
  readonly prompt?: string;
  /** Text that must follow; the gap before it is filled to its last token. */
  readonly suffix?: string;
  /** The most new tokens, limited by the length of the model; replaces `maxLength`. */
  readonly maxTokens?: number;
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
  /** stop: the text ended by itself (an `[EOS]` before the last mask, a stop string, the suffix); length: the canvas was full. */
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
export async function generate(model: Model, options: GenerateOptions = {}): Promise<GenerateResult> {
  checkNames('generate', options, ['prompt', 'suffix', 'maxTokens', 'onText', ...RUN_OPTIONS]);
  const { prompt = '', suffix = '', maxTokens, onText, onStep } = options;
  for (const [name, text] of Object.entries({ prompt, suffix })) {
    if (typeof text !== 'string') throw new GenerateError(`${name}: expected a string, got ${JSON.stringify(text)}`);
  }
  if (maxTokens !== undefined && (!Number.isInteger(maxTokens) || maxTokens < 1))
    throw new GenerateError(`maxTokens: expected an integer >= 1, got ${maxTokens}`);
  const sampling = resolveSampling(model.generation, options);
  const closed = suffix !== '';
  const limit = maxTokens ?? Infinity;
  const window = maxTokens === undefined ? windowOf(model, sampling, options.maxLength) : windowLimit(model.config);
  const textTokens = encodeBefore(model.tokenizer, prompt).ids.length + model.tokenizer.encode(suffix).length;
  const room = window - textTokens - (closed ? 1 : 0);
  if (room < 1) throw tooLong(model, { textTokens, window, closed });
  // An open text gets one mask more than the tokens asked for, because its [EOS] needs one.
  const gap = Math.min(room, closed ? limit : limit + 1);
  const layout = layOut([prompt, { gap }, suffix], model.config, model.tokenizer, { closed });
  const targets = targetsOf(layout, sampling);
  const follower = onText && follow({ model, gap: layout.gaps[0]!, sampling, limit, onText });
  const watched = (event: StepEvent): void => {
    follower?.step(event);
    onStep?.(event);
  };
  const results = await fill({ model, targets, sampling, closed }, follower ? { ...options, onStep: watched } : options);
  const texts = results.map((result, i): Text => {
    const { completion, ...rest } = complete({ model, layout, sampling, closed }, result, limit);
    follower?.end(i, completion);
    return { text: prompt + completion + suffix, completion, ...rest, seed: targets[i]!.seed, nfe: result.nfe };
  });
  return { texts, promptTokens: layout.textTokens };
}

/** The new text of a canvas with one gap: at most `limit` tokens of it, up to its end and the first stop string. */
function complete(
  { model, layout, sampling, closed }: { model: Model; layout: Layout; sampling: Sampling; closed: boolean },
  result: DenoiseResult,
  limit: number,
): Pick<Text, 'completion' | 'tokens' | 'finish'> {
  const gap = layout.gaps[0]!;
  const last = gap.start + gap.length - 1;
  const length = Math.min(result.end === null ? gap.length : result.end - gap.start, limit);
  const whole = decodeGap(model, result, gap, length);
  const completion = cut(whole, sampling.stop);
  // The model has learnt that every canvas ends in [EOS], so one in the last mask says only that the canvas was full.
  const ended = result.end !== null && result.end < last;
  const tokens = completion === whole ? length : model.tokenizer.encode(completion).length;
  return { completion, tokens, finish: closed || ended || completion !== whole ? 'stop' : 'length' };
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
