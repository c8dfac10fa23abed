import type { ProjectConfig } from '@mdiff/config';
import { FINAL_LEVELS } from './evaluate.js';
import type { Stages } from './stages.js';

// How much work the steps of a run are, so that the time left is right from the start. Steps differ: next-token prediction has a loss at every
// position, a stage of low masking rates at few of them, and the head over the vocabulary is a large part of a small model.

/** Places where the work of a run is looked at; between them it is taken as even. */
const PARTS = 400;

/** Multiplications a position: of the blocks, and of the head where there is a loss. */
function costs({ d_model: d, n_layers, d_ff, vocab_size, max_seq_len, activation }: ProjectConfig['model']): {
  body: number;
  head: number;
} {
  const forward = (activation === 'swiglu' ? 3 : 2) * d * d_ff;
  return { body: n_layers * (4 * d * d + forward + max_seq_len * d), head: vocab_size * d };
}

export interface Workload {
  /** the work of the steps `from` … `to` (exclusive), in units of one average step */
  between(from: number, to: number): number;
}

/** The work of training steps, by the share of positions that have a loss. */
export function workloadOf(
  { model, curriculum, training }: Pick<ProjectConfig, 'model' | 'curriculum' | 'training'>,
  stages: Pick<Stages, 'steps' | 'infoAt' | 'isCausal'>,
): Workload {
  const { body, head } = costs(model);
  const full = curriculum.full_range_fraction;
  const workAt = (step: number): number => {
    if (stages.isCausal(step)) return body + head;
    // A mask and its complement have a loss at every position once.
    if (training.complementary_masks) return 2 * body + head;
    const [low, high] = stages.infoAt(step).range;
    return body + head * ((1 - full) * ((low + high) / 2) + full / 2);
  };
  const parts = Math.min(PARTS, stages.steps);
  const length = stages.steps / parts;
  const sums = [0];
  for (let part = 0; part < parts; part++) {
    const middle = Math.floor((part + 0.5) * length);
    // A mixed objective alternates, so neighbours are averaged.
    const near = [middle, Math.min(middle + 1, stages.steps - 1)];
    sums.push(sums.at(-1)! + (length * near.reduce((sum, step) => sum + workAt(step), 0)) / near.length);
  }
  const total = sums.at(-1)!;
  const until = (step: number): number => {
    const place = (step / stages.steps) * parts;
    const part = Math.min(parts - 1, Math.floor(place));
    return sums[part]! + (place - part) * (sums[part + 1]! - sums[part]!);
  };
  return { between: (from, to) => ((until(to) - until(from)) / total) * stages.steps };
}

/** Passes over the held-out text after step `done` and until the run's end; the last evaluation has several. */
export function passesLeft(
  done: number,
  stages: Pick<Stages, 'infoAt' | 'steps' | 'list'>,
  { training }: Pick<ProjectConfig, 'training'>,
): number {
  if (done >= stages.steps) return 0;
  let ends = 0;
  let first = 0;
  for (const { steps } of stages.list) {
    first += steps;
    if (first > done && first < stages.steps && (training.eval_every === 0 || first % training.eval_every !== 0)) ends++;
  }
  const every = training.eval_every;
  const periodic = every > 0 ? Math.floor((stages.steps - 1) / every) - Math.floor(done / every) : 0;
  return ends + periodic + FINAL_LEVELS;
}
