import { randomInt } from 'node:crypto';
import {
  generate,
  nextTokenProbabilities,
  predictsNext,
  rank,
  rankByNextToken,
  seedAt,
  type Model,
  type SamplingOptions,
  type Text,
} from '@mdiff/generate';
import { RequestError } from './errors.js';
import { watchSteps } from './frames.js';
import { headOf } from './head.js';
import { givenText, logprobsOf, type LogProbs } from './logprobs.js';
import { biasOf, promptsOf } from './prompts.js';
import { samplingOf, wordsOf, type Chunk, type Completion, type CompletionRequest, type Finish, type SamplingRequest } from './schema.js';
import type { Events } from './stream.js';

export interface AnswerArgs<T> {
  body: T;
  /** Options for what the request leaves out. */
  sampling: SamplingOptions;
  signal: AbortSignal;
  /** Called with the forward passes of each text, and of ranking it. */
  onText?: (nfe: number) => void;
}

export interface CompletionArgs extends AnswerArgs<CompletionRequest> {
  /** of an answer in pieces */
  events?: Events<Chunk>;
}

/**
 * Answers one request of `POST /v1/completions`, whole and, with `events`, in pieces. Without a seed anywhere, or with seed −1, it draws one and
 * reports it.
 */
export async function complete(model: Model, { body, sampling, signal, events, onText }: CompletionArgs): Promise<Completion> {
  const n = body.n ?? 1;
  const drawn = drawnOf(body, n);
  const prompts = promptsOf(body.prompt, drawn, model);
  const bias = biasOf(body, model);
  const seed = seedOf(body, sampling, model);
  const head = headOf('cmpl', 'text_completion', { model, seed });
  const usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  const choices: Completion['choices'] = [];
  const withUsage = body.stream_options?.include_usage === true;
  const alternatives = typeof body.logprobs === 'number' ? body.logprobs : null;
  const piece = (index: number, text: string, finish: Finish | null, logprobs: LogProbs | null = null): void =>
    events?.send({ ...head, choices: [{ index, text, logprobs, finish_reason: finish }], ...(withUsage && { usage: null }) });
  for (const [p, prompt] of prompts.entries()) {
    const first = choices.length;
    if (body.echo && prompt !== '') for (let row = 0; row < n; row++) piece(first + row, prompt, null);
    const { texts, promptTokens } = await generate(model, {
      ...sampling,
      ...samplingOf(body),
      ...wordsOf(body),
      ...bias,
      n: drawn,
      seed: seedAt({ seed }, p * drawn),
      prompt,
      suffix: body.suffix ?? '',
      signal,
      ...(alternatives !== null && { probabilities: true, alternatives }),
      // The library writes on beyond the window; one request must not occupy the server for long.
      ...(body.max_tokens ? { maxTokens: Math.min(body.max_tokens, model.config.max_seq_len) } : {}),
      ...watchSteps(model, { body, sampling, events, first }),
      ...(events && { onText: ({ row, text }) => piece(first + row, text, null) }),
    });
    usage.prompt_tokens += promptTokens;
    for (const { tokens, nfe } of texts) {
      usage.completion_tokens += tokens;
      onText?.(nfe);
    }
    const before =
      body.echo && alternatives !== null ? await promptProbabilities(model, prompt, { alternatives, signal, onText }) : undefined;
    for (const { completion, finish, probabilities } of drawn > n ? await likeliest(model, texts, { n, signal, onText }) : texts) {
      const echo = body.echo === true;
      const logprobs = probabilities ? logprobsOf(model, { prompt, echo, probabilities, before }) : null;
      piece(choices.length, '', finish, logprobs);
      choices.push({ index: choices.length, text: echo ? prompt + completion : completion, logprobs, finish_reason: finish });
    }
  }
  usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
  if (withUsage) events?.send({ ...head, choices: [], usage });
  return { ...head, choices, usage };
}

/** The tokens of a prompt as next-token prediction finds them; undefined for a model that cannot predict so. */
async function promptProbabilities(
  model: Model,
  prompt: string,
  { alternatives, signal, onText }: { alternatives: number } & Pick<CompletionArgs, 'signal' | 'onText'>,
) {
  if (!predictsNext(model)) return undefined;
  const found = await nextTokenProbabilities(model, givenText(prompt), { alternatives, signal });
  onText?.(found.length);
  return found;
}

/** The seed of choice 0. */
export function seedOf({ seed }: SamplingRequest, sampling: SamplingOptions, model: Model): number {
  const fresh = (): number => randomInt(2 ** 32);
  return seed === -1 ? fresh() : (seed ?? sampling.seed ?? model.generation.seed ?? fresh());
}

/** Texts to write for each prompt. A `best_of` of 1 is the neutral value of clients that always send it. */
function drawnOf({ best_of, stream }: CompletionRequest, n: number): number {
  const drawn = best_of ?? 1;
  if (drawn === 1 || drawn === n) return n;
  if (drawn < n) throw new RequestError(`best_of: expected at least n (${n}), got ${drawn}`, { param: 'best_of', code: 'invalid_value' });
  if (stream)
    throw new RequestError('best_of: texts are ranked once they are whole, so they cannot be streamed; leave out stream or best_of', {
      param: 'best_of',
      code: 'unsupported_parameter',
    });
  return drawn;
}

/** The n texts whose tokens are likeliest, likeliest first, by next-token prediction, or by the bound on the likelihood that training reports. Texts without words come last. */
async function likeliest(
  model: Model,
  texts: readonly Text[],
  { n, signal, onText }: { n: number; signal: AbortSignal; onText: ((nfe: number) => void) | undefined },
): Promise<Text[]> {
  const worded = texts.filter(({ text }) => text.trim() !== '');
  if (worded.length === 0) return texts.slice(0, n);
  const words = worded.map(({ text }) => text);
  // A pass for each token of the longest text, beside several passes for each text.
  const ranked = await (predictsNext(model) ? rankByNextToken(model, words, { signal }) : rank(model, words, { signal }));
  for (const { nfe } of ranked) onText?.(nfe);
  return [...ranked.map(({ index }) => worded[index]!), ...texts.filter((text) => !worded.includes(text))].slice(0, n);
}
