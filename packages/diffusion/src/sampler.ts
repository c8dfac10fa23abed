// The interface of a sampler. The samplers stand in ancestral.ts, ranked.ts and causal.ts, their table in samplers.ts.
import type { Constraints } from './constraints.js';
import type { SamplingOptions } from './options.js';
import type { Rng } from './random.js';
import type { ScheduleName } from './schedule.js';
import type { Scratch } from './scratch.js';

export type SamplerName = 'ancestral' | 'first_hitting' | 'confidence' | 'margin' | 'entropy' | 'threshold' | 'causal';

/** A token that replaces a mask. */
export interface Commit {
  /** canvas index */
  position: number;
  token: number;
  /** of the token at temperature 1, before topK and topP */
  probability: number;
  /** the likeliest tokens of this position, likeliest first, with probabilities of the same kind; only with the option `alternatives` */
  alternatives?: readonly Alternative[];
}

export interface Alternative {
  token: number;
  probability: number;
}

/** How far a sampler has come in one block. */
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

/** The logits of some masked positions of one canvas. */
export interface Evaluation {
  /** ids, masks included; read only */
  canvas: Int32Array;
  maskId: number;
  constraints?: Constraints | undefined;
  /** evaluated masked positions, ascending */
  positions: Int32Array;
  /** logits of the i-th of them, one number per token id */
  logits(i: number): ArrayLike<number>;
  /** working arrays; absent = new ones */
  scratch?: Scratch;
}

export interface StepArgs extends Progress, Evaluation {
  /** tokens the schedule asks this step to commit */
  count: number;
}

/**
 * A way to unmask. Both halves of a step are pure functions of their arguments and the random stream: `choose` picks the positions before
 * any logits exist, `step` then draws their tokens.
 */
export interface Sampler {
  name: SamplerName;
  /** whether numSteps limits the number of passes */
  paced: boolean;
  /** true: its denoiser may keep what it has read, so a committed token never goes back; false unless given */
  keepsRead?: boolean;
  /** masks left (for ancestral: expected to be left) after each step, one number a step */
  schedule(masks: number, numSteps: number, name: ScheduleName): number[];
  choose(args: ChooseArgs): Choice;
  step(args: StepArgs): Commit[];
}
