/** A key whose behaviour is not built yet. Setting one to another value than `neutral` warns (W10). */
export interface Pending {
  /** A leaf key; a key of every stage is `curriculum.stages[].name`. */
  key: string;
  /** the behaviour that a run lacks, as a verb phrase */
  missing: string;
  /** The value that needs no behaviour: the default, unless stated. A stage key has no default and must state it. */
  neutral?: unknown;
}

/** The table of packages/integration/src/knobs.ts has the same keys; every other key has a row there that shows its effect. */
export const pending: readonly Pending[] = [
  { key: 'curriculum.pseudo_data_max_samples', missing: 'generate units for the last stage' },
  { key: 'curriculum.pseudo_data_ratio', missing: 'generate units for the last stage' },
  // 0 = the main thread prepares batches, as it does now.
  { key: 'training.dataloader_num_workers', missing: 'prepare batches in worker threads', neutral: 0 },
];
