// Requests and answers of the server: the part of OpenAI's completions API that a model of this kind can answer.
import { sampling, type ParameterKey, type Range, type SamplingKey, type SamplingValue } from '@mdiff/config/sampling';
import type { Edit, GenerateOptions, Part, SamplingOptions, Span } from '@mdiff/generate';
import type { LogProbs } from './logprobs.js';

/** Parameters that the table of sampling options names. `null` means absent, as in OpenAI's API. */
type SamplingParameters = { [K in ParameterKey as (typeof sampling)[K]['parameter']]?: SamplingValue<K> | null };

/** A text, several texts, the token ids of a text, or those of several. */
export type Prompt = string | readonly string[] | readonly number[] | readonly (readonly number[])[];

/** Fields that the bodies of all requests may hold. */
export interface SamplingRequest extends Omit<SamplingParameters, 'stop'> {
  model?: string | null;
  stop?: string | string[] | null;
  /** Added to the logits, by token id. */
  logit_bias?: Readonly<Record<string, number>> | null;
  allowed_words?: readonly string[] | null;
  forbidden_words?: readonly string[] | null;
}

/** Fields of requests whose answer may come in pieces. */
export interface StreamRequest {
  stream?: boolean | null;
  stream_options?: {
    include_usage?: boolean | null;
    include_obfuscation?: boolean | null;
    /** Send the whole canvas after each step, as events of their own. */
    denoise?: boolean | null;
  } | null;
}

/** Body of `POST /v1/infill`, after validation: text to keep, and gaps with the number of tokens to fill. */
export interface InfillRequest extends SamplingRequest, StreamRequest {
  parts: readonly Part[];
}

/** Body of `POST /v1/edit`, after validation: a text, and which of its words are written anew. */
export interface EditRequest extends SamplingRequest, StreamRequest {
  text: string;
  /** of the words; 0.3 if nothing says which */
  share?: number | null;
  words?: readonly string[] | null;
  /** in characters: Unicode code points */
  spans?: readonly Span[] | null;
}

/** Body of `POST /v1/score`, after validation. */
export interface ScoreRequest {
  model?: string | null;
  text: string | readonly string[];
  /** Decides the masks: the same seed gives the same figures. */
  seed?: number | null;
  /** `word` adds the figures of each word, which takes a pass more for each token. */
  per?: 'word' | null;
}

/** Body of `POST /v1/completions`, after validation. */
export interface CompletionRequest extends SamplingRequest, StreamRequest {
  prompt?: Prompt | null;
  suffix?: string | null;
  max_tokens?: number | null;
  min_tokens?: number | null;
  /** Words, or ids of tokens, by their place in the new text. */
  words_at?: Readonly<Record<string, string | number>> | null;
  echo?: boolean | null;
  best_of?: number | null;
  /** How many likely tokens to name for each token of the text. */
  logprobs?: number | false | null;
}

const MAX_CHARACTERS = 200_000;
/** Less than the table allows: one request must not occupy the server for long. */
const MAX_TEXTS = 16;
/** Texts of all prompts of a request together. LangChain sends up to 20 prompts at once. */
export const MAX_CHOICES = 64;
/** As in OpenAI's API. */
const MAX_LOGPROBS = 5;
const STOP = { type: 'string', minLength: 1, maxLength: 256 };
const TEXT = { type: 'string', maxLength: MAX_CHARACTERS };
const IDS = { type: 'array', minItems: 1, maxItems: MAX_CHARACTERS, items: { type: 'integer', minimum: 0 } };
const FLAG = { type: ['boolean', 'null'] };
const WORDS = { type: ['array', 'null'], minItems: 1, maxItems: 256, items: { type: 'string', minLength: 1, maxLength: 64 } };
const NAME = { type: ['string', 'null'], maxLength: 256 };

const parameters = Object.fromEntries(
  (Object.keys(sampling) as SamplingKey[]).flatMap((key) => {
    const row = sampling[key];
    if (!('parameter' in row)) return [];
    const range: Range = row.range;
    const type = [...new Set([range.type, 'null'].flat())];
    return [[row.parameter, { ...range, type, ...(range.enum && { enum: [...range.enum, null] }) }]];
  }),
);

/** The way on without a parameter that this server knows and has not built, by its name. Clients always send its neutral value. */
export const unbuilt: Readonly<Record<string, { neutral: readonly unknown[]; instead: string }>> = {
  frequency_penalty: {
    neutral: [0, null],
    instead: 'the server started with --set generation.repetition_penalty=… has a penalty of its own',
  },
  presence_penalty: {
    neutral: [0, null],
    instead: 'the server started with --set generation.repetition_penalty=… has a penalty of its own',
  },
};

/** JSON Schema (draft-07) of {@link CompletionRequest}. A parameter that would be ignored is refused instead; `null` is no value. */
export const completionSchema = {
  type: 'object',
  additionalProperties: { type: 'null' },
  properties: {
    model: NAME,
    prompt: {
      description: 'a string, a list of strings, a list of token ids, or a list of such lists',
      anyOf: [
        { ...TEXT, type: ['string', 'null'] },
        { type: 'array', minItems: 1, maxItems: MAX_CHOICES, items: TEXT },
        IDS,
        { type: 'array', minItems: 1, maxItems: MAX_CHOICES, items: IDS },
      ],
    },
    suffix: { ...TEXT, type: ['string', 'null'] },
    max_tokens: { ...sampling.max_length.range, type: ['integer', 'null'] },
    min_tokens: { ...sampling.min_length.range, type: ['integer', 'null'] },
    allowed_words: WORDS,
    forbidden_words: WORDS,
    words_at: {
      type: ['object', 'null'],
      maxProperties: 256,
      additionalProperties: {
        description: 'a word or the id of a token',
        type: ['string', 'integer'],
        minimum: 0,
        minLength: 1,
        maxLength: 64,
      },
    },
    ...parameters,
    n: { ...parameters['n'], maximum: MAX_TEXTS },
    seed: { ...parameters['seed'], minimum: -1 },
    // One string or a list of them.
    stop: { ...STOP, type: ['string', 'array', 'null'], maxItems: 4, items: STOP },
    stream: FLAG,
    stream_options: {
      type: ['object', 'null'],
      additionalProperties: { type: 'null' },
      // Obfuscation would pad each chunk; there is none, so asking for none is all that it may be.
      properties: { include_usage: FLAG, include_obfuscation: { enum: [false, null] }, denoise: FLAG },
    },
    echo: FLAG,
    best_of: { type: ['integer', 'null'], minimum: 1, maximum: MAX_TEXTS },
    logprobs: {
      description: `an integer from 0 to ${MAX_LOGPROBS}`,
      // LangChain sends false.
      anyOf: [{ type: ['integer', 'null'], minimum: 0, maximum: MAX_LOGPROBS }, { const: false }],
    },
    logit_bias: {
      type: ['object', 'null'],
      maxProperties: 1024,
      additionalProperties: { type: 'number', minimum: -100, maximum: 100 },
    },
    user: NAME,
    ...Object.fromEntries(Object.entries(unbuilt).map(([name, { neutral }]) => [name, { enum: neutral }])),
  },
};

const TOKENS = { ...sampling.max_length.range, type: 'integer' };
const GAP = {
  type: 'object',
  required: ['gap'],
  additionalProperties: false,
  properties: { gap: { anyOf: [TOKENS, { type: 'array', minItems: 2, maxItems: 2, items: TOKENS }] } },
};
const { model, temperature, top_p, n, seed, stop, logit_bias, allowed_words, forbidden_words, user } =
  completionSchema.properties as typeof completionSchema.properties & Record<string, object>;

/** Parameters of requests that fill gaps. */
const filling = {
  model,
  temperature,
  top_p,
  num_steps: parameters['num_steps'],
  sampler: parameters['sampler'],
  block_length: parameters['block_length'],
  n,
  seed,
  logit_bias,
  allowed_words,
  forbidden_words,
  stream: FLAG,
  stream_options: { type: ['object', 'null'], additionalProperties: { type: 'null' }, properties: { denoise: FLAG } },
  user,
};

/** JSON Schema of {@link InfillRequest}. */
export const infillSchema = {
  type: 'object',
  required: ['parts'],
  additionalProperties: { type: 'null' },
  properties: {
    parts: {
      type: 'array',
      minItems: 1,
      maxItems: 1024,
      items: { description: 'a list of strings and gaps such as {"gap": 4} or {"gap": [2, 5]}', anyOf: [TEXT, GAP] },
    },
    stop,
    ...filling,
  },
};

const PLACE = { type: 'integer', minimum: 0, maximum: MAX_CHARACTERS };

/** JSON Schema of {@link EditRequest}. */
export const editSchema = {
  type: 'object',
  required: ['text'],
  additionalProperties: { type: 'null' },
  properties: {
    text: { ...TEXT, minLength: 1 },
    share: { type: ['number', 'null'], exclusiveMinimum: 0, maximum: 1 },
    words: { type: ['array', 'null'], minItems: 1, maxItems: 1024, items: { type: 'string', minLength: 1, maxLength: 256 } },
    spans: {
      type: ['array', 'null'],
      minItems: 1,
      maxItems: 1024,
      items: { type: 'array', minItems: 2, maxItems: 2, items: PLACE },
    },
    ...filling,
  },
};

/** JSON Schema of {@link ScoreRequest}. */
export const scoreSchema = {
  type: 'object',
  required: ['text'],
  additionalProperties: { type: 'null' },
  properties: {
    model,
    text: {
      description: 'a string or a list of strings',
      anyOf: [TEXT, { type: 'array', minItems: 1, maxItems: MAX_CHOICES, items: TEXT }],
    },
    per: { enum: ['word', null] },
    seed: parameters['seed'],
    user,
  },
};

/** Parameters of a request that @mdiff/generate knows by another name and the table of sampling options does not hold. */
export const wordParameters = {
  min_tokens: 'minTokens',
  words_at: 'wordsAt',
  allowed_words: 'allowedWords',
  forbidden_words: 'forbiddenWords',
} as const;

/** The rules on words of a request, as options of @mdiff/generate. */
export function wordsOf(body: { [K in keyof typeof wordParameters]?: unknown }): Pick<
  GenerateOptions,
  (typeof wordParameters)[keyof typeof wordParameters]
> {
  const names = Object.keys(wordParameters) as (keyof typeof wordParameters)[];
  return Object.fromEntries(
    names.flatMap((name) => (body[name] === undefined || body[name] === null ? [] : [[wordParameters[name], body[name]]])),
  );
}

/** A request's sampling parameters, the seed excepted, as options of @mdiff/generate. */
export function samplingOf(body: SamplingRequest): Omit<SamplingOptions, 'seed'> {
  const given = (Object.keys(sampling) as SamplingKey[]).flatMap((key) => {
    const row = sampling[key];
    const value = 'parameter' in row && key !== 'seed' ? body[row.parameter] : undefined;
    return value === undefined || value === null ? [] : [[row.option, key === 'stop' ? [value].flat() : value]];
  });
  return Object.fromEntries(given) as SamplingOptions;
}

/** The fields with which every answer begins. */
export interface Answer<T extends string> {
  id: string;
  object: T;
  /** Seconds since 1970. */
  created: number;
  model: string;
  /** Of choice 0; choice i has seed + i. With it a client can repeat a text that it asked for without a seed. Of a score: that of its masks. */
  seed: number;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

export type Finish = 'stop' | 'length';

export interface Completion extends Answer<'text_completion'> {
  choices: { index: number; text: string; logprobs: LogProbs | null; finish_reason: Finish }[];
  usage: Usage;
}

/** One event of a stream. */
export interface Chunk extends Answer<'text_completion'> {
  /** `logprobs` of a whole choice stand in its last chunk, the one with a `finish_reason`. */
  choices: { index: number; text: string; logprobs: LogProbs | null; finish_reason: Finish | null }[];
  /** Only if the request asks for it: null, except in the last chunk, which has no choices. */
  usage?: Usage | null;
}

export interface Infilling extends Answer<'infill'> {
  choices: { index: number; text: string; fills: string[] }[];
  usage: Usage;
}

export interface Editing extends Answer<'edit'> {
  /** `edits` say in characters of `text` what was written anew, and what stood there before. */
  choices: { index: number; text: string; edits: Edit[] }[];
  usage: Usage;
}

export interface Scoring extends Answer<'score'> {
  /** NELBO: an upper bound on −ln p(text), with standard errors over the draw of the masks (null where there are too few). */
  scores: {
    index: number;
    tokens: number;
    bytes: number;
    nats: number;
    nats_per_token: number;
    nats_per_token_error: number | null;
    bits_per_byte: number;
    bits_per_byte_error: number | null;
    /** with `per: "word"`: −ln p of each word, given all others of its paragraph */
    words?: { text: string; tokens: number; nats: number }[];
  }[];
  usage: Usage;
}
