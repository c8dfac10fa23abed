import type { Nelbo } from './evaluate.js';
import type { Reporter } from './reporter.js';

export interface TrainOptions {
  /** new: the folder must not hold a run; resume: go on; fresh: remove what is there */
  mode: 'new' | 'resume' | 'fresh';
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
  step: number;
  steps: number;
  folder: string;
  model?: string;
  nelbo?: Nelbo;
  /** held-out, if next-token prediction was trained throughout */
  causalBitsPerByte?: number;
}
