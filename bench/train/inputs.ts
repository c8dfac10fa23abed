import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelConfig } from '@mdiff/config';
import { initParams, layout as layoutOf } from '@mdiff/model';
import { writeSafetensors } from '@mdiff/folder';
import type { NativeTensorFlow } from '@mdiff/engine';
import { POSITIONS, ROWS, SEED, UPDATE, batchesOf } from './sizes.js';

/** The file that our own children read; they draw the batches and the weights themselves. */
export interface Inputs {
  model: ModelConfig;
  update: typeof UPDATE;
  threads: number;
  /** how many, used in turn */
  batches: number;
  tensorflow?: NativeTensorFlow;
}

/** Writes a size's configuration, batches and weights for the peers, and the inputs of our engines. */
export function writeInputs(folder: string, model: ModelConfig, threads: number, count: number, tensorflow?: NativeTensorFlow): void {
  mkdirSync(folder, { recursive: true });
  const flat = initParams(model, SEED);
  const tensors = layoutOf(model).params.map(({ name, shape, offset, size }) => ({
    name,
    shape,
    data: flat.subarray(offset, offset + size),
  }));
  writeFileSync(join(folder, 'weights.safetensors'), writeSafetensors(tensors));
  const batches = batchesOf(model, count).map(({ ids, segments, positions, rows, targets, weights }) =>
    Object.fromEntries(
      Object.entries({ ids, segments, positions, rows, targets, weights }).map(([name, values]) => [name, Array.from(values)]),
    ),
  );
  writeFileSync(join(folder, 'inputs.json'), JSON.stringify({ model, update: UPDATE, threads, B: ROWS, S: POSITIONS, batches }));
  writeFileSync(
    join(folder, 'ours.json'),
    JSON.stringify({ model, update: UPDATE, threads, batches: count, ...(tensorflow && { tensorflow }) } satisfies Inputs),
  );
}
