// Requests and answers of the server: the part of OpenAI's completions API that a model of this kind can answer.
import { sampling, type ParameterKey, type SamplingKey, type SamplingValue } from '@mdiff/config/sampling';
import type { SamplingOptions } from '@mdiff/generate';

/** Parameters that the table of sampling options names. `null` means absent, as in OpenAI's API. */
type SamplingParameters = { [K in ParameterKey as (typeof sampling)[K]['parameter']]?: SamplingValue<K> | null };

/** Body of `POST /v1/completions`, after validation. */
export interface CompletionRequest extends Omit<SamplingParameters, 'stop'> {
  model?: string | null;
  prompt?: string | null;
  suffix?: string | null;
  max_tokens?: number | null;
  stop?: string | string[] | null;
  stream?: false | null;
  user?: string | null;
}

const MAX_CHARACTERS = 200_000;

const parameters = Object.fromEntries(
  (Object.keys(sampling) as SamplingKey[]).flatMap((key) => {
    const row = sampling[key];
    return 'parameter' in row ? [[row.parameter, { ...row.range, type: [...new Set([row.range.type, 'null'].flat())] }]] : [];
  }),
);
/** Less than the table allows: one request must not occupy the server for long. */
const MAX_TEXTS = 16;
const STOP = { type: 'string', minLength: 1, maxLength: 256 };

/** JSON Schema (draft-07) of {@link CompletionRequest}. A parameter that would be ignored is refused instead. */
export const completionSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    model: { type: ['string', 'null'], maxLength: 256 },
    prompt: { type: ['string', 'null'], maxLength: MAX_CHARACTERS },
    suffix: { type: ['string', 'null'], maxLength: MAX_CHARACTERS },
    max_tokens: { ...sampling.max_length.range, type: ['integer', 'null'] },
    ...parameters,
    n: { ...parameters['n'], maximum: MAX_TEXTS },
    // One string or a list of them.
    stop: { ...STOP, type: ['string', 'array', 'null'], maxItems: 4, items: STOP },
    stream: { enum: [false, null] },
    user: { type: ['string', 'null'], maxLength: 256 },
  },
};

/** A request's sampling parameters as options of @mdiff/generate. */
export function samplingOf(body: CompletionRequest): SamplingOptions {
  const given = (Object.keys(sampling) as SamplingKey[]).flatMap((key) => {
    const row = sampling[key];
    const value = 'parameter' in row ? body[row.parameter] : undefined;
    return value === undefined || value === null ? [] : [[row.option, key === 'stop' ? [value].flat() : value]];
  });
  return Object.fromEntries(given) as SamplingOptions;
}

export interface Completion {
  id: string;
  object: 'text_completion';
  /** Seconds since 1970. */
  created: number;
  model: string;
  /** The seed of choice 0; choice i has seed + i. With it a client can repeat a text that it asked for without a seed. */
  seed: number;
  choices: { index: number; text: string; logprobs: null; finish_reason: 'stop' | 'length' }[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}
