import type { ProjectConfig } from '@mdiff/config';
import type { StepBatch } from '@mdiff/engine';
import { openPool } from '@mdiff/workers';
import type { Stages } from './stages.js';
import { cleanStep, inputOf, prepareStep } from './step.js';
import type { StepInput } from './step.js';

// Prepares the inputs of steps before they are needed: here, or in `training.dataloader_num_workers` threads. An input is a function of
// (seed, step), so it is the same whoever prepares it.

export interface Loader {
  input(step: number): Promise<StepInput>;
  /** Prepares the steps from `step` on, while the engine works. */
  ahead(step: number): void;
  /** Drops what is prepared: the text has changed, or steps are left out. */
  forget(): void;
  close(): Promise<void>;
}

export function openLoader(config: ProjectConfig, stages: Stages): Loader {
  const workers = config.training.dataloader_num_workers;
  const pool =
    workers > 0
      ? openPool(new URL(import.meta.url.endsWith('.ts') ? './loaderworker.ts' : './loaderworker.js', import.meta.url), workers)
      : undefined;
  const prepared = new Map<number, Promise<StepInput>>();
  const prepare = (step: number): Promise<StepInput> => {
    if (!pool) return Promise.resolve(prepareStep(config, stages, step));
    const clean = cleanStep(config, stages, step);
    return pool.run<StepBatch[]>('targets', clean).then((batches) => inputOf(config, stages, step, clean, batches));
  };
  return {
    input: (step) => {
      const input = prepared.get(step) ?? prepare(step);
      prepared.delete(step);
      return input;
    },
    ahead: (step) => {
      const last = Math.min(stages.steps, step + Math.max(1, workers));
      for (let next = step; next < last; next++) {
        if (prepared.has(next)) continue;
        const input = prepare(next);
        input.catch(() => undefined); // whoever takes it gets the error
        prepared.set(next, input);
      }
    },
    forget: () => prepared.clear(),
    close: async () => pool?.close(),
  };
}
