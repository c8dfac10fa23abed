import { ancestral, firstHitting } from './ancestral.js';
import { DiffusionError } from './error.js';
import type { SamplingOptions } from './options.js';
import type { MaskScheduleName } from './plan.js';
import { confidence, entropy, margin, threshold } from './ranked.js';
import type { Rng } from './random.js';
import type { Evaluated } from './score.js';

export type SamplerName = 'ancestral' | 'first_hitting' | 'confidence' | 'margin' | 'entropy' | 'threshold';

/** A token put in the place of a mask. */
export interface Commit {
  /** canvas index */
  position: number;
  token: number;
  /** of the token at temperature 1, before topK and topP */
  probability: number;
}

/** Where a sampler stands in one block. */
export interface Progress {
  /** 1, …, of */
  step: number;
  of: number;
  /** masks the block began with */
  total: number;
  options: SamplingOptions;
  rng: Rng;
}

export interface ChooseArgs extends Progress {
  /** positions masked now, ascending */
  masked: Int32Array;
  /** positions of the block that were committed and are not masked now, ascending */
  committed: Int32Array;
}

export interface Choice {
  /** masked positions whose logits the step needs, ascending; empty = the denoiser need not be called */
  evaluate: Int32Array;
  /** committed positions to be masked again */
  remask: Int32Array;
}

export interface StepArgs extends Progress, Evaluated {
  /** masks the plan wants committed in this step */
  count: number;
}

/**
 * A way to unmask. Both halves of a step are pure functions of their arguments and the random stream: `choose` decides what can be
 * decided before any logits exist (*whether* a position unmasks), `step` then draws *what* it becomes.
 */
export interface Sampler {
  name: SamplerName;
  /** whether numSteps limits the number of passes */
  paced: boolean;
  /** masks left (for ancestral: expected to be left) after each step; its length is the number of steps */
  plan(masks: number, numSteps: number, schedule: MaskScheduleName): number[];
  choose(args: ChooseArgs): Choice;
  step(args: StepArgs): Commit[];
}

export const samplers: Readonly<Record<SamplerName, Sampler>> = { ancestral, first_hitting: firstHitting, confidence, margin, entropy, threshold };

/** Looks a sampler up by name; throws `MDIFF_SAMPLING` for a name that is not in the table. */
export function sampler(name: string): Sampler {
  if (Object.hasOwn(samplers, name)) return samplers[name as SamplerName];
  throw new DiffusionError('MDIFF_SAMPLING', `sampler: expected one of ${Object.keys(samplers).join(', ')}, got "${name}"`);
}
