import { mustBe } from '@mdiff/arguments';
import type { GenerationConfig } from '@mdiff/config';
import { sampling as table, type Range, type SamplingKey } from '@mdiff/config/sampling';
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
  /** A token that goes on inside a word is drawn only if it is at least this share as likely as the most likely token, and no word twice in a row; 0 = no limit. */
  readonly wordGuard?: number;
  /** ln(strength) is added to the logits of the style tokens. */
  readonly styleStrength?: number;
  readonly styleTokens?: readonly string[];
  /** Text i draws from seed + i; null = a fresh random one, which the result names. */
  readonly seed?: number | null;
  /** The new text is cut before the first of these strings. */
  readonly stop?: readonly string[];
}

type OptionName = (typeof table)[SamplingKey]['option'];
/** Every option of the table with its value. */
type Values = { readonly [K in OptionName]: Exclude<SamplingOptions[K], undefined> };
/** The same, with a seed. */
export type Sampling = Values & { readonly seed: number };

const rows = Object.entries(table) as [SamplingKey, { option: OptionName; range: Range; default: unknown }][];
const ranges = new Map<string, Range>(rows.map(([, { option, range }]) => [option, range]));
const defaults = Object.fromEntries(rows.map(([, row]) => [row.option, row.default])) as Values;

/** A `generation` section, or a part of one, as options. Keys that are absent stay absent. */
export function fromGeneration(generation: Partial<GenerationConfig>): SamplingOptions {
  mustBe('fromGeneration', 'generation', generation, 'object');
  const given = rows.filter(([key]) => generation[key] !== undefined);
  return Object.fromEntries(given.map(([key, { option }]) => [option, generation[key]]));
}

/** Options over the model's own values over the defaults, checked, with a fresh seed where none was given. Throws {@link GenerateError}. */
export function resolveSampling(generation: Partial<GenerationConfig>, options: SamplingOptions): Sampling {
  const given = Object.fromEntries(Object.entries(options).filter(([name, value]) => ranges.has(name) && value !== undefined));
  for (const [name, value] of Object.entries(given)) check(name, ranges.get(name)!, value);
  const chosen = Object.fromEntries(rows.filter(([, { option }]) => option in given).map(([key, { option }]) => [key, given[option]]));
  const sampling: Values = { ...defaults, ...fromGeneration(yielding(generation, chosen)), ...given };
  for (const [name, range] of ranges) check(name, range, sampling[name as keyof Values]);
  if (sampling.styleStrength !== 1 && sampling.styleTokens.length === 0) {
    throw new GenerateError(`styleStrength: expected 1 while styleTokens is empty, got ${sampling.styleStrength}`);
  }
  if (sampling.remasking > 0 && sampling.sampler !== 'ancestral') {
    throw new GenerateError(`remasking: expected 0 unless sampler is "ancestral" (it is "${sampling.sampler}"), got ${sampling.remasking}`);
  }
  if (sampling.earlyCommit && sampling.sampler === 'causal') {
    throw new GenerateError('earlyCommit: expected false while sampler is "causal", got true');
  }
  if (sampling.minLength > sampling.maxLength) {
    throw new GenerateError(`minLength: expected an integer <= maxLength (${sampling.maxLength}), got ${sampling.minLength}`);
  }
  return { ...sampling, seed: sampling.seed ?? freshSeed() };
}

/**
 * The values of a model folder beside those that a caller has chosen. A value of the folder that contradicts a chosen one gives way: nobody
 * asked for it in this call, so it is no mistake of the caller. `longest` is the length of the model.
 */
export function yielding(
  folder: Partial<GenerationConfig>,
  chosen: Partial<GenerationConfig>,
  longest = Infinity,
): Partial<GenerationConfig> {
  mustBe('yielding', 'folder', folder, 'object');
  mustBe('yielding', 'chosen', chosen, 'object');
  mustBe('yielding', 'longest', longest, 'number');
  const out: { -readonly [K in keyof GenerationConfig]?: GenerationConfig[K] } = { ...folder };
  const within = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
  if (within(chosen.max_length)) {
    for (const key of ['block_length', 'min_length'] as const) if (within(out[key])) out[key] = Math.min(out[key], chosen.max_length);
  } else if (within(out.max_length)) {
    const least = [chosen.block_length, chosen.min_length].filter(within);
    out.max_length = Math.max(out.max_length, Math.min(longest, Math.max(0, ...least)));
  }
  if (chosen.sampler !== undefined && chosen.sampler !== 'ancestral' && out.remasking !== undefined) out.remasking = 0;
  if (chosen.sampler === 'causal' && out.early_commit !== undefined) out.early_commit = false;
  if (chosen.style_tokens?.length === 0 && out.style_strength !== undefined) out.style_strength = 1;
  return out;
}

/** A seed from the system's source of random numbers. */
const freshSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0]!;

/** The seed of text i; after the largest one follows 0. */
export const seedAt = (sampling: Pick<Sampling, 'seed'>, i: number): number => {
  mustBe('seedAt', 'sampling', sampling, 'object');
  mustBe('seedAt', 'i', i, 'number');
  return (sampling.seed + i) % 2 ** 32;
};

/**
 * Refuses an option that the call `name` does not know, or that would be without effect in it: a misspelt name would otherwise be ignored.
 * `idle` gives the reason for each option of the second kind. Throws {@link GenerateError}.
 */
export function checkNames(name: string, options: object, extra: readonly string[], idle: Readonly<Record<string, string>> = {}): void {
  if (typeof options !== 'object' || options === null)
    throw new GenerateError(`${name}: expected an object of options, got ${String(options)}`);
  const known = [...extra, ...ranges.keys()].filter((option) => !(option in idle));
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined || known.includes(option)) continue;
    if (option in idle) throw new GenerateError(`${option}: has no effect in ${name}, because ${idle[option]}; leave it out`);
    const row = rows.find(([key]) => key === option)?.[1];
    const hint = row ? `did you mean ${row.option}?` : `${name} takes ${known.sort().join(', ')}`;
    throw new GenerateError(`${name}: no option is called ${JSON.stringify(option)}; ${hint}`);
  }
}

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
