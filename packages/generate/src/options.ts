import type { GenerationConfig } from '@mdiff/config';
import { projectSeed, sampling as table, type Range, type SamplingKey } from '@mdiff/config/sampling';
import { GenerateError } from './errors.js';

/**
 * How to sample. The table of `@mdiff/config/sampling` names the key of the `generation` section that each option stands for, its range
 * and its default. The values in the model folder's `generation_config.json` come before these defaults.
 */
export interface SamplingOptions {
  /** Logits are divided by it; 0 takes the most likely token. */
  readonly temperature?: number;
  /** Keep the k most likely tokens; null = all. */
  readonly topK?: number | null;
  /** Then keep the smallest set with this mass; null = all. */
  readonly topP?: number | null;
  /** Denoising passes at most; no more than there are masks. */
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
  /** Text i draws from seed + i; null = the default of the configuration's top-level `seed`. */
  readonly seed?: number | null;
  /** The new text is cut before the first of these strings. */
  readonly stop?: readonly string[];
}

type OptionName = (typeof table)[SamplingKey]['option'];
/** Every option of the table with its value. */
export type Sampling = { readonly [K in OptionName]: Exclude<SamplingOptions[K], undefined> };

const rows = Object.entries(table) as [SamplingKey, { option: OptionName; range: Range; default: unknown }][];
const ranges = new Map<string, Range>(rows.map(([, { option, range }]) => [option, range]));
const defaults = Object.fromEntries(rows.map(([, row]) => [row.option, row.default])) as Sampling;

/** A `generation` section, or a part of one, as options. Keys that are absent stay absent. */
export function fromGeneration(generation: Partial<GenerationConfig>): SamplingOptions {
  const given = rows.filter(([key]) => generation[key] !== undefined);
  return Object.fromEntries(given.map(([key, { option }]) => [option, generation[key]]));
}

/** Options over the model's own values over the defaults, checked. Throws {@link GenerateError}. */
export function resolveSampling(generation: Partial<GenerationConfig>, options: SamplingOptions): Sampling {
  const given = Object.fromEntries(Object.entries(options).filter(([name, value]) => ranges.has(name) && value !== undefined));
  const sampling: Sampling = { ...defaults, ...fromGeneration(generation), ...given };
  for (const [name, range] of ranges) check(name, range, sampling[name as keyof Sampling]);
  if (sampling.styleStrength !== 1 && sampling.styleTokens.length === 0) {
    throw new GenerateError(`styleStrength: expected 1 while styleTokens is empty, got ${sampling.styleStrength}`);
  }
  if (sampling.remasking > 0 && sampling.sampler !== 'ancestral') {
    throw new GenerateError(`remasking: expected 0 unless sampler is "ancestral" (it is "${sampling.sampler}"), got ${sampling.remasking}`);
  }
  return sampling;
}

/** The seed of text 0. */
export const seedOf = (sampling: Sampling): number => sampling.seed ?? projectSeed.default;

function check(name: string, range: Range, value: unknown): void {
  const nullable = Array.isArray(range.type) && range.type.includes('null');
  if (nullable && value === null) return;
  if (!holds(range, value))
    throw new GenerateError(`${name}: expected ${inWords(range)}, got ${typeof value === 'number' ? value : JSON.stringify(value)}`);
}

const isWhole = ({ type }: Range): boolean => type.includes('integer');

function holds(range: Range, value: unknown): boolean {
  if (range.enum) return range.enum.includes(value as string);
  if (range.type === 'boolean') return typeof value === 'boolean';
  if (range.items) {
    const { maxLength } = range.items;
    return (
      Array.isArray(value) && value.length <= range.maxItems! && value.every((item) => typeof item === 'string' && item.length <= maxLength)
    );
  }
  if (typeof value !== 'number' || (isWhole(range) && !Number.isInteger(value))) return false;
  return value >= (range.minimum ?? -Infinity) && value > (range.exclusiveMinimum ?? -Infinity) && value <= range.maximum!;
}

function inWords(range: Range): string {
  if (range.enum) return `one of ${range.enum.join(', ')}`;
  if (range.type === 'boolean') return 'true or false';
  if (range.items) return `a list of at most ${range.maxItems} strings of at most ${range.items.maxLength} characters`;
  const low = range.minimum === undefined ? `> ${range.exclusiveMinimum}` : `>= ${range.minimum}`;
  return `${isWhole(range) ? 'an integer' : 'a number'} ${low} and <= ${range.maximum}`;
}
