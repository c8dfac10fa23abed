// The one table of sampling options: range, default and spellings. The section `generation`, @mdiff/generate, the command line and the
// server read it. Data without imports, so that each of them can (docs/decisions/sampling-table.md).

/** Values that an option takes, in words of JSON Schema. */
export interface Range {
  readonly type: string | readonly string[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly items?: { readonly type: 'string'; readonly maxLength: number };
  readonly maxItems?: number;
}

interface Row {
  readonly range: Range;
  readonly default: unknown;
  /** in `SamplingOptions` of @mdiff/generate; the attribute of `flag` has the same name */
  readonly option: string;
  /** on the command line, as a shorthand for `--set generation.…` */
  readonly flag?: string;
  /** in the body of a request to the server */
  readonly parameter?: string;
}

const unit = { exclusiveMinimum: 0, maximum: 1 } as const;
const seed = { minimum: 0, maximum: 4294967295 } as const;

/** By key of the section `generation`. */
export const sampling = {
  temperature: {
    option: 'temperature',
    flag: '--temperature',
    parameter: 'temperature',
    range: { type: 'number', minimum: 0, maximum: 10 },
    default: 0.8,
  },
  top_k: { option: 'topK', range: { type: ['integer', 'null'], minimum: 1, maximum: 1048576 }, default: null },
  top_p: { option: 'topP', parameter: 'top_p', range: { type: ['number', 'null'], ...unit }, default: null },
  num_steps: {
    option: 'numSteps',
    flag: '--num-steps',
    parameter: 'num_steps',
    range: { type: 'integer', minimum: 1, maximum: 65536 },
    default: 50,
  },
  max_length: { option: 'maxLength', flag: '--max-length', range: { type: 'integer', minimum: 1, maximum: 65536 }, default: 512 },
  min_length: { option: 'minLength', range: { type: 'integer', minimum: 0, maximum: 65536 }, default: 0 },
  num_return_sequences: { option: 'n', flag: '-n', parameter: 'n', range: { type: 'integer', minimum: 1, maximum: 256 }, default: 1 },
  confidence_schedule: {
    option: 'confidenceSchedule',
    range: { type: 'string', enum: ['linear', 'cosine', 'constant'] },
    default: 'linear',
  },
  style_strength: { option: 'styleStrength', range: { type: 'number', exclusiveMinimum: 0, maximum: 100 }, default: 1 },
  sampler: {
    option: 'sampler',
    flag: '--sampler',
    parameter: 'sampler',
    range: { type: 'string', enum: ['ancestral', 'first_hitting', 'confidence', 'margin', 'entropy', 'threshold', 'causal'] },
    default: 'confidence',
  },
  block_length: {
    option: 'blockLength',
    parameter: 'block_length',
    range: { type: ['integer', 'null'], minimum: 1, maximum: 65536 },
    default: null,
  },
  threshold: { option: 'threshold', range: { type: 'number', ...unit }, default: 0.9 },
  gamma: { option: 'gamma', range: { type: 'number', minimum: 0, maximum: 100 }, default: 0.1 },
  early_commit: { option: 'earlyCommit', range: { type: 'boolean' }, default: false },
  remasking: { option: 'remasking', range: { type: 'number', minimum: 0, maximum: 1 }, default: 0 },
  repetition_penalty: { option: 'repetitionPenalty', range: { type: 'number', minimum: 1, maximum: 10 }, default: 1 },
  word_guard: { option: 'wordGuard', range: { type: 'number', minimum: 0, maximum: 1 }, default: 0 },
  style_tokens: { option: 'styleTokens', range: { type: 'array', items: { type: 'string', maxLength: 1024 }, maxItems: 256 }, default: [] },
  seed: { option: 'seed', flag: '--seed', parameter: 'seed', range: { type: ['integer', 'null'], ...seed }, default: null },
  stop: {
    option: 'stop',
    parameter: 'stop',
    range: { type: 'array', items: { type: 'string', maxLength: 1024 }, maxItems: 16 },
    default: [],
  },
} as const satisfies Record<string, Row>;

/** The top-level key `seed`, which stands in for `generation.seed: null`. */
export const projectSeed = { range: { type: 'integer', ...seed }, default: 42 } as const;

export type SamplingKey = keyof typeof sampling;
type Table = typeof sampling;

type Named<T> = T extends 'number' | 'integer'
  ? number
  : T extends 'boolean'
    ? boolean
    : T extends 'null'
      ? null
      : T extends 'array'
        ? string[]
        : string;
type ValueIn<R> = R extends { enum: readonly (infer C)[] }
  ? C
  : R extends { type: readonly (infer T)[] }
    ? Named<T>
    : R extends { type: infer T }
      ? Named<T>
      : never;

/** The range of a key's values. */
export type SamplingValue<K extends SamplingKey> = ValueIn<Table[K]['range']>;

type With<P extends 'flag' | 'parameter'> = { [K in SamplingKey]: Table[K] extends Record<P, string> ? K : never }[SamplingKey];
/** Keys that have a flag of their own. */
export type FlagKey = With<'flag'>;
/** Keys that a request to the server may set. */
export type ParameterKey = With<'parameter'>;
