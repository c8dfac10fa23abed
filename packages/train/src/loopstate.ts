import type { ProjectConfig } from '@mdiff/config';
import type { StepEngine } from '@mdiff/engine';
import type { HeldOut } from '@mdiff/prepare';
import type { Progress } from './checkpoint.js';
import type { Nelbo } from './evaluate.js';
import type { Loader } from './loader.js';
import type { TrainOptions } from './options.js';
import { startingPace } from './pace.js';
import type { Pace } from './pace.js';
import type { Reporter } from './reporter.js';
import type { LossMean } from './spike.js';
import type { Stages } from './stages.js';
import { workloadOf } from './workload.js';
import type { Workload } from './workload.js';

// What the training loop is given, keeps and returns.

export interface LoopOptions {
  config: ProjectConfig;
  engine: StepEngine;
  stages: Stages;
  heldOut: HeldOut | undefined;
  /** the run folder */
  folder: string;
  /** files to keep beside every checkpoint, by name */
  extra: Record<string, string>;
  progress: Progress;
  /** of an average step and of one pass over the held-out text, if they were measured before the run */
  seconds?: { step: number; pass: number } | undefined;
  /** true: `progress` comes from a checkpoint, which need not be written again */
  restored: boolean;
  reporter: Reporter;
  signal: AbortSignal;
  /** called before every step; stopped: the signal was aborted meanwhile; changed: the text of the steps to come is another */
  beforeStep(step: number): Promise<'unchanged' | 'changed' | 'stopped'>;
  /** called after every step, once it is reported */
  afterStep(step: number): Promise<void>;
  loader: Loader;
  /** the units of a step's batches in words */
  rowsOf(step: number): string;
  /** one-time notices */
  warn(text: string): void;
  /** called after every metric line */
  onMetric?: TrainOptions['onMetric'];
  /** called after every checkpoint */
  onSaved(progress: Progress): Promise<void>;
}

export interface LoopResult {
  progress: Progress;
  /** false: interrupted; the state is saved */
  finished: boolean;
  /** the last evaluation of this process; where the run finished, the full one */
  nelbo?: Nelbo;
  /** held-out next-token loss, nats per token, if the last evaluation took it */
  causal?: number;
}

/** The state that changes while the loop runs. */
export interface LoopState {
  progress: Progress;
  pace: Pace;
  workload: Workload;
  /** seconds of one pass over the held-out text, once there was one */
  pass?: number;
  nelbo?: Nelbo;
  /** the last held-out next-token loss, nats per token */
  causal?: number;
  /** the checkpoint that holds the present state */
  saved?: { step: number; evaluated: boolean };
  /** the running mean of the training loss */
  losses?: LossMean;
  /** the step of the last update: what is saved since then holds the present weights */
  updated: number;
  /** older checkpoints wait for their removal until a step has shown that the newest holds good weights */
  unpruned: boolean;
}

/** Seconds of an average step in the earlier sessions of a run. Steps that early stopping left out took no time. */
function earlierPace({ step, left_out = 0, spent }: Progress, workload: Workload): number | undefined {
  const ran = step - left_out;
  return spent && ran > 0 ? spent.steps / (workload.between(0, step) * (ran / step)) : undefined;
}

export function startState({ config, stages, progress, restored, seconds }: LoopOptions): LoopState {
  const workload = workloadOf(config, stages);
  const before = earlierPace(progress, workload) ?? seconds?.step;
  return {
    progress: structuredClone(progress),
    pace: { ...startingPace, ...(before !== undefined && { before }) },
    workload,
    ...(seconds && { pass: seconds.pass }),
    updated: progress.step - (progress.skips ?? 0),
    unpruned: restored,
    ...(restored && { saved: { step: progress.step, evaluated: progress.unevaluated === undefined } }),
  };
}

export const isFinished = ({ step, unevaluated }: Progress, { steps }: Stages): boolean => step >= steps && unevaluated === undefined;
