import type { GenerationConfig } from '@mdiff/config';
import { GenerateError } from './errors.js';

/**
 * How to sample. Each key has a twin in the `generation` section of a configuration, and the values in the model folder's
 * `generation_config.json` are the defaults.
 */
export interface SamplingOptions {
  /** Logits are divided by it; 0 takes the most likely token. */
  readonly temperature?: number;
  /** Keep the k most likely tokens; null = all. */
  readonly topK?: number | null;
  /** Then keep the smallest set with this mass; null = all. */
  readonly topP?: number | null;
  /** Denoising passes at most; clamped to the number of masks. */
  readonly numSteps?: number;
  /** Tokens in the window: prompt, new text and `[EOS]`. */
  readonly maxLength?: number;
  /** `[EOS]` is not committed before the window has this many tokens. */
  readonly minLength?: number;
  /** Texts per prompt; text i draws from seed + i, whatever the others do. */
  readonly n?: number;
  readonly confidenceSchedule?: GenerationConfig['confidence_schedule'];
  readonly sampler?: GenerationConfig['sampler'];
  readonly blockLength?: number | null;
  readonly threshold?: number;
  readonly gamma?: number;
  readonly earlyCommit?: boolean;
  readonly remasking?: number;
  readonly repetitionPenalty?: number;
  /** ln(strength) is added to the logits of the style tokens. */
  readonly styleStrength?: number;
  readonly styleTokens?: readonly string[];
  readonly seed?: number | null;
  /** The new text is cut before the first of these strings. */
  readonly stop?: readonly string[];
}

export type Sampling = { readonly [K in keyof SamplingOptions]-?: Exclude<SamplingOptions[K], undefined> };

const TWINS = {
  temperature: 'temperature',
  topK: 'top_k',
  topP: 'top_p',
  numSteps: 'num_steps',
  maxLength: 'max_length',
  minLength: 'min_length',
  n: 'num_return_sequences',
  confidenceSchedule: 'confidence_schedule',
  sampler: 'sampler',
  blockLength: 'block_length',
  threshold: 'threshold',
  gamma: 'gamma',
  earlyCommit: 'early_commit',
  remasking: 'remasking',
  repetitionPenalty: 'repetition_penalty',
  styleStrength: 'style_strength',
  styleTokens: 'style_tokens',
  seed: 'seed',
  stop: 'stop',
} as const satisfies Record<keyof SamplingOptions, keyof GenerationConfig>;

/** The defaults of the configuration, for a folder whose `generation_config.json` leaves a key out. */
const DEFAULTS: Sampling = {
  temperature: 0.8,
  topK: null,
  topP: null,
  numSteps: 50,
  maxLength: 512,
  minLength: 0,
  n: 1,
  confidenceSchedule: 'linear',
  sampler: 'confidence',
  blockLength: null,
  threshold: 0.9,
  gamma: 0.1,
  earlyCommit: false,
  remasking: 0,
  repetitionPenalty: 1,
  styleStrength: 1,
  styleTokens: [],
  seed: null,
  stop: [],
};

/** A `generation` section, or a part of one, as options. Keys that are absent stay absent. */
export function fromGeneration(generation: Partial<GenerationConfig>): SamplingOptions {
  const entries = Object.entries(TWINS).filter(([, key]) => generation[key] !== undefined);
  return Object.fromEntries(entries.map(([option, key]) => [option, generation[key]]));
}

/** Options over the model's own values over the defaults, checked. Throws {@link GenerateError}. */
export function resolveSampling(generation: Partial<GenerationConfig>, options: SamplingOptions): Sampling {
  const given = Object.fromEntries(Object.entries(options).filter(([key, value]) => key in TWINS && value !== undefined));
  const sampling: Sampling = { ...DEFAULTS, ...fromGeneration(generation), ...given };
  for (const [key, [low, high, whole]] of Object.entries(RANGES)) {
    const value = sampling[key as keyof Sampling];
    if (value === null && NULLABLE.has(key)) continue;
    const ok = typeof value === 'number' && value >= low && value <= high && (!whole || Number.isInteger(value));
    if (!ok) throw new GenerateError(`${key}: expected ${whole ? 'an integer' : 'a number'} >= ${low} and <= ${high}, got ${JSON.stringify(value)}`);
  }
  if (sampling.styleStrength !== 1 && sampling.styleTokens.length === 0) {
    throw new GenerateError(`styleStrength: expected 1 while styleTokens is empty, got ${sampling.styleStrength}`);
  }
  if (sampling.remasking > 0 && sampling.sampler !== 'ancestral') {
    throw new GenerateError(`remasking: expected 0 unless sampler is "ancestral" (it is "${sampling.sampler}"), got ${sampling.remasking}`);
  }
  return sampling;
}

/** [lowest, highest, whole number]; as in the schema of the configuration, for callers that did not come through it. */
const RANGES = {
  temperature: [0, 10, false],
  topK: [1, 1048576, true],
  topP: [Number.MIN_VALUE, 1, false],
  numSteps: [1, 65536, true],
  maxLength: [1, 65536, true],
  minLength: [0, 65536, true],
  n: [1, 256, true],
  blockLength: [1, 65536, true],
  threshold: [Number.MIN_VALUE, 1, false],
  gamma: [0, 100, false],
  remasking: [0, 1, false],
  repetitionPenalty: [1, 10, false],
  styleStrength: [Number.MIN_VALUE, 100, false],
  seed: [0, 4294967295, true],
} as const satisfies Partial<Record<keyof Sampling, readonly [number, number, boolean]>>;

const NULLABLE = new Set(['topK', 'topP', 'blockLength', 'seed']);
