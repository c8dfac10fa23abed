import { Moved, serveWorker } from '@mdiff/workers';
import { targetsOf } from './step.js';
import type { CleanStep } from './step.js';

// A thread of `training.dataloader_num_workers`.

serveWorker({
  targets: (clean: CleanStep) => {
    const batches = targetsOf(clean);
    const arrays = batches.flatMap(({ ids, segments, positions, rows, targets, weights }) => [
      ids,
      segments,
      positions,
      rows,
      targets,
      weights,
    ]);
    return new Moved(
      batches,
      arrays.map(({ buffer }) => buffer as ArrayBuffer),
    );
  },
  end: () => undefined,
});
