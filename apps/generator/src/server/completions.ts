import { randomInt, randomUUID } from 'node:crypto';
import { generate, seedAt, type GenerateOptions, type Model, type SamplingOptions } from '@mdiff/generate';
import { RequestError } from './errors.js';
import { biasOf, promptsOf } from './prompts.js';
import { samplingOf, type Chunk, type Completion, type CompletionRequest, type Finish, type SamplingRequest } from './schema.js';

export interface AnswerArgs<T> {
  body: T;
  /** Options for what the request leaves out. */
  sampling: SamplingOptions;
  signal: AbortSignal;
  /** Called after each step of each text. */
  onStep?: GenerateOptions['onStep'];
  /** Called with the forward passes of each text. */
  onText?: (nfe: number) => void;
}

export interface CompletionArgs extends AnswerArgs<CompletionRequest> {
  /** Called with each chunk of an answer in pieces, and after each step with none. */
  onChunk?: (chunk: Chunk | null) => void;
}

/**
 * Answers one request of `POST /v1/completions`, whole and, with `onChunk`, in pieces. Without a seed anywhere, or with seed −1, it draws one and
 * reports it.
 */
export async function complete(model: Model, { body, sampling, signal, onChunk, onStep, onText }: CompletionArgs): Promise<Completion> {
  const n = body.n ?? 1;
  const prompts = promptsOf(body.prompt, n, model);
  const bias = biasOf(body, model);
  checkBestOf(body, n);
  const seed = seedOf(body, sampling, model);
  const head = {
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion' as const,
    created: Math.floor(Date.now() / 1000),
    model: model.name,
    seed,
  };
  const usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  const choices: Completion['choices'] = [];
  const withUsage = body.stream_options?.include_usage === true;
  const piece = (index: number, text: string, finish: Finish | null): void =>
    onChunk?.({ ...head, choices: [{ index, text, logprobs: null, finish_reason: finish }], ...(withUsage && { usage: null }) });
  for (const prompt of prompts) {
    const first = choices.length;
    if (body.echo && prompt !== '') for (let row = 0; row < n; row++) piece(first + row, prompt, null);
    const { texts, promptTokens } = await generate(model, {
      ...sampling,
      ...samplingOf(body),
      ...bias,
      n,
      seed: seedAt({ seed }, first),
      prompt,
      suffix: body.suffix ?? '',
      signal,
      // The library writes on beyond the window; one request must not occupy the server for long.
      ...(body.max_tokens ? { maxTokens: Math.min(body.max_tokens, model.config.max_seq_len) } : {}),
      onStep: (event) => {
        onStep?.(event);
        onChunk?.(null);
      },
      ...(onChunk && { onText: ({ row, text }) => piece(first + row, text, null) }),
    });
    usage.prompt_tokens += promptTokens;
    for (const { completion, tokens, finish, nfe } of texts) {
      onText?.(nfe);
      usage.completion_tokens += tokens;
      piece(choices.length, '', finish);
      choices.push({ index: choices.length, text: body.echo ? prompt + completion : completion, logprobs: null, finish_reason: finish });
    }
  }
  usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
  if (withUsage) onChunk?.({ ...head, choices: [], usage });
  return { ...head, choices, usage };
}

/** The seed of choice 0. */
export function seedOf({ seed }: SamplingRequest, sampling: SamplingOptions, model: Model): number {
  const fresh = (): number => randomInt(2 ** 32);
  return seed === -1 ? fresh() : (seed ?? sampling.seed ?? model.generation.seed ?? fresh());
}

/** 1 is the neutral value of clients that always send it. */
function checkBestOf({ best_of }: CompletionRequest, n: number): void {
  if ((best_of ?? 1) === 1 || best_of === n) return;
  throw new RequestError(
    `best_of: ${best_of} is not supported by this server, because it does not rank texts; leave it out, or set n to ${best_of} and choose yourself`,
    { param: 'best_of', code: 'unsupported_parameter' },
  );
}
