import { randomUUID } from 'node:crypto';
import type { Model } from '@mdiff/generate';
import type { Answer } from './schema.js';

/** The fields with which every answer begins. `kind` is the first part of its id. */
export const headOf = <T extends string>(kind: string, object: T, { model, seed }: { model: Model; seed: number }): Answer<T> => ({
  id: `${kind}-${randomUUID()}`,
  object,
  created: Math.floor(Date.now() / 1000),
  model: model.name,
  seed,
});
