/** A key whose behaviour has not landed yet, and the issue that brings it. Setting one to another value than `neutral` warns (W10). */
export interface Pending {
  /** A leaf key; a key of every stage is `curriculum.stages[].name`. */
  key: string;
  issue: string;
  /** The value that needs no behaviour: the default, unless stated. A stage key has no default and must state it. */
  neutral?: unknown;
}

const training = 'the training issue';

/** The table of packages/integration/src/knobs.ts has the same keys; every other key has a row there that shows its effect. */
export const pending: readonly Pending[] = [
  { key: 'reports', issue: training },
  { key: 'curriculum.pseudo_data_max_samples', issue: training },
  { key: 'curriculum.pseudo_data_ratio', issue: training },
  // 0 = batches are prepared by the main thread, as they are now.
  { key: 'training.dataloader_num_workers', issue: training, neutral: 0 },
];
