import type { Excerpt } from './excerpt.js';
import type { Nelbo } from './evaluate.js';
import type { MetricLine } from './metrics.js';
import type { Lead } from './ranks/lead.js';
import type { Reporter } from './reporter.js';
import type { Writer } from './samples.js';

export interface TrainOptions {
  /** new: the folder must not hold a run; resume: go on; fresh: start over, and remove the earlier run after the first checkpoint */
  mode: 'new' | 'resume' | 'fresh';
  /** the run folder of a run to resume; without it `output_dir/experiment_name` */
  folder?: string;
  /** fresh: asked before an earlier run is put aside, with what it is; false leaves everything as it is */
  confirm?(earlier: string): Promise<boolean>;
  /** called before the first step of a run that starts from a base model, with that model as a folder that is removed afterwards */
  onBase?(base: { model: string; excerpt?: Excerpt }): Promise<void>;
  /** called after every line of `metrics.jsonl` */
  onMetric?(line: MetricLine, folder: string): Promise<void>;
  /** writes text with a model folder: for pseudo-data, and for `training.sample_every`; without it a run does neither */
  writer?: Writer;
  /** the other ranks of this run, which follow this process */
  lead?: Lead;
  /** threads where the configuration leaves them open, if this process shares its machine with others */
  threads?: number;
  reporter: Reporter;
  /** aborting ends the run after the running step, or after the running batch of an evaluation, and saves it */
  signal: AbortSignal;
  /** true: splits a batch that does not fit the memory budget instead of refusing it; the effective batch stays */
  fit?: boolean;
  /** one-time notices, in the form of configuration warnings */
  warn(text: string): void;
}

export interface TrainResult {
  finished: boolean;
  /** steps that ran */
  step: number;
  /** steps of the plan */
  steps: number;
  folder: string;
  /** true: the run was stopped before its first step, and the earlier run is back in the folder */
  putBack?: boolean;
  model?: string;
  /** prompts that fit the text, if it has some */
  excerpt?: Excerpt;
  nelbo?: Nelbo;
  /** nats of each held-out unit, by the NELBO, or by next-token prediction where nothing else was trained; of a run that this call finished */
  perUnit?: number[];
  /** size of the held-out part */
  heldOut?: { tokens: number; bytes: number };
  /** tokens that the steps have read */
  tokens?: number;
  /** held-out, if next-token prediction was trained throughout */
  causalBitsPerByte?: number;
}
