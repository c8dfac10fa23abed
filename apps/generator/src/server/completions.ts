import { randomInt, randomUUID } from 'node:crypto';
import { generate, type Model, type SamplingOptions } from '@mdiff/generate';
import { samplingOf, type Completion, type CompletionRequest } from './schema.js';

export interface CompletionArgs {
  body: CompletionRequest;
  /** Options for what the request leaves out. */
  sampling: SamplingOptions;
  signal: AbortSignal;
}

/** Answers one request of `POST /v1/completions`. Without a seed anywhere, it draws one and reports it. */
export async function complete(model: Model, { body, sampling, signal }: CompletionArgs): Promise<Completion> {
  const seed = body.seed ?? sampling.seed ?? model.generation.seed ?? randomInt(2 ** 32);
  const { texts, promptTokens } = await generate(model, {
    ...sampling,
    n: 1,
    ...samplingOf(body),
    seed,
    prompt: body.prompt ?? '',
    suffix: body.suffix ?? '',
    signal,
    ...(body.max_tokens ? { maxTokens: body.max_tokens } : {}),
  });
  const completionTokens = texts.reduce((sum, text) => sum + text.tokens, 0);
  return {
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model: model.name,
    seed,
    choices: texts.map((text, index) => ({ index, text: text.completion, logprobs: null, finish_reason: text.finish })),
    usage: { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens },
  };
}
