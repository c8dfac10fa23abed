import { mustBe, mustKnow } from '@mdiff/arguments';
import { DiffusionError } from './error.js';
import type { ScheduleName } from './schedule.js';
import type { WordRules } from './words.js';

/** How a canvas is filled. `samplingOptions` fills in the defaults. */
export interface SamplingOptions {
  /** denoising passes at most; 50 */
  numSteps: number;
  /** tokens committed per step; linear */
  schedule: ScheduleName;
  /** logits are divided by it; 0 = the most likely token at every position, in an order that depends on no seed; 1 */
  temperature: number;
  /** keep the k most likely tokens; null = all */
  topK: number | null;
  /** keep the smallest set with this mass, after topK; null = all */
  topP: number | null;
  /** ln(penalty) is subtracted from the logits of tokens already in the window, earlier commits of the same step included; 1 = none */
  repetitionPenalty: number;
  /** added to the logits, one number per token id; null = none */
  logitBias: Float64Array | null;
  /** for each id: 1 if its text starts with a letter, plus 2 if it ends with one; null = unknown */
  letters: Uint8Array | null;
  /**
   * an id that goes on inside a word is drawn only if it is at least this share as likely as the most likely id; 0 = no limit. It goes on inside
   * a word if it starts with a letter and the position before it is masked, or holds an id that ends with one. Unless it is 0, no id that ends with a
   * letter is drawn beside itself, so that no word is doubled. From left to right, one id a step, an unlikely word of several ids is drawn again
   * (`redraws.ts`), so `nfe` may exceed the number of masks.
   */
  wordGuard: number;
  /** words that are never written, or alone are; needs `letters`; null = any */
  words: WordRules | null;
  /** ids that are never produced, besides the mask's: [PAD], [BOS], [SEP] … */
  forbidden: readonly number[];
  /** once this id is committed and no mask is left before it, the text ends there; null = the model has none */
  eosId: number | null;
  /** tokens of the window before which eosId is not committed; nor is it before a position that a constraint limits to `allow` */
  minLength: number;
  /** canvas index of the window's first token: 1 when the canvas begins with [BOS] */
  textStart: number;
  /** fill this many positions after each other, left to right; null = the whole canvas at once */
  blockLength: number | null;
  /** confidence from which sampler threshold commits, (0, 1] */
  threshold: number;
  /** entropy budget of sampler entropy, nats */
  gamma: number;
  /** commit everything left once the two top logits are far apart (Prophet, arXiv 2508.19982): approximate */
  earlyCommit: boolean;
  /** cap on the chance that ancestral masks a committed token again (ReMDM, arXiv 2503.00307) */
  remasking: number;
  /** likeliest tokens that each commit reports beside its own; 0 */
  alternatives: number;
}

const defaultSamplingOptions: Readonly<SamplingOptions> = Object.freeze({
  numSteps: 50,
  schedule: 'linear',
  temperature: 1,
  topK: null,
  topP: null,
  repetitionPenalty: 1,
  logitBias: null,
  letters: null,
  wordGuard: 0,
  words: null,
  forbidden: [],
  eosId: null,
  minLength: 0,
  textStart: 0,
  blockLength: null,
  threshold: 0.9,
  gamma: 0.1,
  earlyCommit: false,
  remasking: 0,
  alternatives: 0,
});

const OPTIONS = Object.fromEntries(Object.keys(defaultSamplingOptions).map((name) => [name, true] as const));

// Limits that the mathematics needs; the limits of the product stand in @mdiff/config/sampling.
const wholeFrom = (min: number) => ({ ok: (v: number) => Number.isSafeInteger(v) && v >= min, expected: `an integer >= ${min}` });

const rules: Partial<Record<keyof SamplingOptions, { ok(v: number): boolean; expected: string }>> = {
  numSteps: wholeFrom(1),
  temperature: { ok: (v) => v >= 0 && v < Infinity, expected: 'a finite number >= 0 (0 takes the most likely token)' },
  topK: wholeFrom(1),
  topP: { ok: (v) => v > 0 && v <= 1, expected: 'a number > 0 and <= 1 (temperature 0 takes the most likely token)' },
  repetitionPenalty: { ok: (v) => v >= 1 && v < Infinity, expected: 'a finite number >= 1' },
  wordGuard: { ok: (v) => v >= 0 && v <= 1, expected: 'a number from 0 to 1' },
  minLength: wholeFrom(0),
  textStart: wholeFrom(0),
  blockLength: wholeFrom(1),
  threshold: { ok: (v) => v > 0 && v <= 1, expected: 'a number > 0 and <= 1' },
  gamma: { ok: (v) => v >= 0 && v < Infinity, expected: 'a finite number >= 0' },
  remasking: { ok: (v) => v >= 0 && v <= 1, expected: 'a number from 0 to 1' },
  alternatives: wholeFrom(0),
};

/** Fills in the defaults; throws `MDIFF_SAMPLING` for a value out of range. A key whose value is undefined counts as absent. */
export function samplingOptions(given: Partial<SamplingOptions> = {}): SamplingOptions {
  mustBe('samplingOptions', 'given', given, 'object');
  mustKnow('samplingOptions', given, OPTIONS);
  const options: SamplingOptions = {
    ...defaultSamplingOptions,
    ...Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)),
  };
  for (const [key, rule] of Object.entries(rules)) {
    const value = options[key as keyof SamplingOptions];
    if (value !== null && !rule.ok(value as number)) {
      throw new DiffusionError('MDIFF_SAMPLING', `sampling option ${key}: expected ${rule.expected}, got ${value}`);
    }
  }
  return options;
}
