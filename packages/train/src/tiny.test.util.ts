import { projectConfig } from '@mdiff/config';
import type { ProjectConfig, ProjectInput } from '@mdiff/config';
import { tinyRun as run } from '@mdiff/testing';
import type { MetricLine } from './metrics.js';
import type { TrainOptions, TrainResult } from './options.js';
import { silent } from './reporter.js';
import type { Reporter } from './reporter.js';
import { train } from './run.js';

export { tinyModel } from '@mdiff/testing';

/** A fresh folder with the tiny book of @mdiff/testing and the configuration of a run on it. */
export const tinyRun = (changes: ProjectInput = {}): Promise<{ folder: string; config: ProjectConfig; book: string }> =>
  run(projectConfig, changes);

/** A new run without output, unless told otherwise. */
export const go = (config: ProjectConfig, options: Partial<TrainOptions> = {}): Promise<TrainResult> =>
  train(config, { mode: 'new', reporter: silent, signal: new AbortController().signal, warn: () => undefined, ...options });

/** The part of a metric line that must repeat: everything but speed. */
export const facts = (lines: MetricLine[]): unknown[] => lines.map((line) => ({ ...line, tokens_per_s: 0 }));

/** A reporter that interrupts after a step. */
export function stopAt(step: number): { reporter: Reporter; signal: AbortSignal } {
  const controller = new AbortController();
  return { reporter: { ...silent, step: (report) => report.step >= step && controller.abort() }, signal: controller.signal };
}
