import type { PrepareReporter } from '@mdiff/prepare';
import type { Sample } from './samples.js';

// The progress of a run. The caller decides how to show it: @mdiff/cli has a terminal line, plain lines and JSON lines.

export interface StepReport {
  step: number;
  steps: number;
  stage: string;
  objective: 'causal' | 'diffusion' | 'mixed';
  loss: number;
  /** of the causal steps, while both objectives alternate */
  causal_loss?: number;
  lr: number;
  tokens_per_s: number;
  nelbo?: number;
  bits_per_byte?: number;
  /** while steps are next-token prediction */
  causal_bits_per_byte?: number;
  /** seconds; unknown until a step has been timed */
  left?: number;
}

export interface Reporter extends PrepareReporter {
  /** training begins or goes on: its stages, and the losses of the metric lines so far */
  begin?(run: { stages: readonly { name: string; steps: number }[]; losses: readonly number[] }): void;
  /** after every step; the reporter decides how often to show it. `logged`: the step has a metric line */
  step(report: StepReport, logged: boolean): void;
  /** a text of the model as it stands */
  sample?(sample: Sample): void;
  end(): void;
}

/** Shows how much of an evaluation is done. */
export const showEvaluation =
  (reporter: Reporter) =>
  (done: number, total: number): void =>
    reporter.progress('evaluating', done, total);

export const silent: Reporter = {
  phase: () => undefined,
  step: () => undefined,
  progress: () => undefined,
  note: () => undefined,
  end: () => undefined,
};
