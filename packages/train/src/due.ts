import type { TrainingConfig } from '@mdiff/config';
import type { Stages } from './stages.js';

/** The tasks that are due after a step. */
export interface Due {
  /** the step was the last of its stage */
  stageEnd: boolean;
  /** the evaluation also counts for `training.patience` */
  patience: boolean;
  evaluate: boolean;
  log: boolean;
  save: boolean;
}

/** `done` steps are done; the last of them was in this stage. */
export function dueAfter(
  done: number,
  { infoAt, steps, decayStart }: Pick<Stages, 'infoAt' | 'steps'> & Partial<Pick<Stages, 'decayStart'>>,
  { hasHeldOut, training }: { hasHeldOut: boolean; training: Pick<TrainingConfig, 'patience' | 'eval_every' | 'log_every' | 'save_every'> },
): Due {
  const { stage, epoch } = infoAt(done - 1);
  const stageEnd = stage.first + stage.steps === done;
  const epochEnd = stageEnd || done === steps || infoAt(done).epoch !== epoch;
  const every = (period: number): boolean => period > 0 && done % period === 0;
  const patience = training.patience > 0 && hasHeldOut && epochEnd;
  const evaluate = hasHeldOut && (stageEnd || patience || every(training.eval_every));
  return {
    stageEnd,
    patience,
    evaluate,
    log: evaluate || stageEnd || every(training.log_every),
    // A longer run goes on from the checkpoint before the decay.
    save: stageEnd || every(training.save_every) || done === decayStart,
  };
}
