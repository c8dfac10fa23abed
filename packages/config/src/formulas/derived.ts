import { mustBe } from '@mdiff/arguments';
import type { CurriculumConfig, StageConfig, TrainingConfig } from '../sections/types.js';

/** Rows per optimiser step over all workers. */
export const effectiveBatchSize = (training: TrainingConfig, worldSize = 1): number => {
  mustBe('effectiveBatchSize', 'training', training, 'object');
  mustBe('effectiveBatchSize', 'worldSize', worldSize, 'number');
  return training.batch_size * training.gradient_accumulation_steps * worldSize;
};

/** Rows per validation pass. */
export const valBatchSizeActual = (training: TrainingConfig): number => {
  mustBe('valBatchSizeActual', 'training', training, 'object');
  return training.val_batch_size ?? training.batch_size;
};

export const totalEpochs = (curriculum: CurriculumConfig): number => {
  mustBe('totalEpochs', 'curriculum', curriculum, 'object');
  return curriculum.stages.reduce((sum, stage) => sum + stage.epochs, 0);
};

export const stageNames = (curriculum: CurriculumConfig): string[] => {
  mustBe('stageNames', 'curriculum', curriculum, 'object');
  return curriculum.stages.map((stage) => stage.name);
};

/** @throws RangeError when no stage has this name. */
export function getStageByName<S extends StageConfig>(curriculum: { readonly stages: readonly S[] }, name: string): S {
  mustBe('getStageByName', 'curriculum', curriculum, 'object');
  mustBe('getStageByName', 'name', name, 'string');
  const stage = curriculum.stages.find((item) => item.name === name);
  if (stage === undefined)
    throw new RangeError(`stage: expected one of ${curriculum.stages.map((item) => `"${item.name}"`).join(', ')}, got "${name}"`);
  return stage;
}

/** @param epoch 0-based epoch, counted over all stages. @throws RangeError when it is not whole or no stage has it. */
export function getStageByEpoch<S extends StageConfig>(curriculum: { readonly stages: readonly S[] }, epoch: number): S {
  mustBe('getStageByEpoch', 'curriculum', curriculum, 'object');
  mustBe('getStageByEpoch', 'epoch', epoch, 'number');
  let end = 0;
  if (Number.isInteger(epoch) && epoch >= 0) {
    for (const stage of curriculum.stages) {
      end += stage.epochs;
      if (epoch < end) return stage;
    }
  }
  const total = curriculum.stages.reduce((sum, stage) => sum + stage.epochs, 0);
  throw new RangeError(`epoch: expected an integer >= 0 and < ${total}, got ${epoch}`);
}

/** Generated units on entering the last stage of a curriculum of three or more: the smaller of cap and share. */
export function pseudoDataCount(curriculum: CurriculumConfig, realUnits: number): number {
  mustBe('pseudoDataCount', 'curriculum', curriculum, 'object');
  mustBe('pseudoDataCount', 'realUnits', realUnits, 'number');
  if (curriculum.stages.length < 3) return 0;
  return Math.min(curriculum.pseudo_data_max_samples, Math.floor(curriculum.pseudo_data_ratio * realUnits + 1e-9));
}

/** True when document `k` (from 1) is held out: every tenth at 0.1, evenly spaced at any share. The term keeps 0.1·10 from falling below 1. */
export const isHeldOut = (k: number, share: number): boolean => {
  mustBe('isHeldOut', 'k', k, 'number');
  mustBe('isHeldOut', 'share', share, 'number');
  return Math.floor(k * share + 1e-9) > Math.floor((k - 1) * share + 1e-9);
};

/** Band of the unit at 0-based position `r` of `n`, sorted by (complexity, id). */
export function difficultyBand(
  curriculum: Pick<CurriculumConfig, 'easy_threshold' | 'hard_threshold'>,
  r: number,
  n: number,
): 'easy' | 'medium' | 'hard' {
  mustBe('difficultyBand', 'curriculum', curriculum, 'object');
  mustBe('difficultyBand', 'r', r, 'number');
  mustBe('difficultyBand', 'n', n, 'number');
  const percentile = (100 * r) / n;
  if (percentile < curriculum.easy_threshold) return 'easy';
  return percentile < curriculum.hard_threshold ? 'medium' : 'hard';
}
