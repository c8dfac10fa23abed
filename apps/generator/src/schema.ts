// What goes over the wire: the part of OpenAI's completions API that a text-completing model of this kind can answer.

/** Body of `POST /v1/completions`, after validation. `null` means absent, as in OpenAI's API. */
export interface CompletionRequest {
  model?: string | null;
  prompt?: string | null;
  suffix?: string | null;
  max_tokens?: number | null;
  temperature?: number | null;
  top_p?: number | null;
  n?: number | null;
  seed?: number | null;
  stop?: string | string[] | null;
  stream?: false | null;
  user?: string | null;
}

const MAX_CHARACTERS = 200_000;

/** JSON Schema (draft-07) of {@link CompletionRequest}. A parameter that would be ignored is refused instead. */
export const completionSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    model: { type: ['string', 'null'], maxLength: 256 },
    prompt: { type: ['string', 'null'], maxLength: MAX_CHARACTERS },
    suffix: { type: ['string', 'null'], maxLength: MAX_CHARACTERS },
    max_tokens: { type: ['integer', 'null'], minimum: 1, maximum: 65536 },
    temperature: { type: ['number', 'null'], minimum: 0, maximum: 10 },
    top_p: { type: ['number', 'null'], exclusiveMinimum: 0, maximum: 1 },
    n: { type: ['integer', 'null'], minimum: 1, maximum: 16 },
    seed: { type: ['integer', 'null'], minimum: 0, maximum: 4294967295 },
    stop: {
      type: ['string', 'array', 'null'],
      minLength: 1,
      maxLength: 256,
      maxItems: 4,
      items: { type: 'string', minLength: 1, maxLength: 256 },
    },
    stream: { enum: [false, null] },
    user: { type: ['string', 'null'], maxLength: 256 },
  },
};

export interface Completion {
  id: string;
  object: 'text_completion';
  /** Seconds since 1970. */
  created: number;
  model: string;
  /** The seed of choice 0; choice i has seed + i. Sent back so that a text that was not asked for with a seed can be had again. */
  seed: number;
  choices: { index: number; text: string; logprobs: null; finish_reason: 'stop' | 'length' }[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

export function errorBody(message: string, { type = 'invalid_request_error', param = null, code = null }: Partial<Omit<ErrorBody['error'], 'message'>> = {}): ErrorBody {
  return { error: { message, type, param, code } };
}
