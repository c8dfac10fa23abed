import type { ProjectConfig } from '@mdiff/config';
import type { Document } from '@mdiff/text';
import { visitSource } from '@mdiff/text/node';
import type { VisitedFile, VisitedSource } from '@mdiff/text/node';
import type { Helper } from '../helper.js';
import type { Pause } from '../pause.js';
import type { Cutter } from './shard.js';

export interface ShelfOptions {
  /** the folder of outlines and shards */
  folder: string;
  pause: Pause;
  signal?: AbortSignal;
  /** cuts each file into units; without it only outlines are made */
  cutter?: Cutter;
  /** called after each file, with the bytes of all files so far */
  progress(done: number): void;
  /** called for each entry of the cache that is damaged and made again */
  onDamaged(): void;
  /** gets the document of each file, which is then parsed even if the cache has it */
  onDocument?(document: Document, place: number): void;
  /** called for each entry of the cache that the shelf comes from */
  onEntry?: ((path: string) => void) | undefined;
  /** other processes that parse and cut too */
  helpers?: readonly Helper[] | undefined;
}

export type SourceKey = 'data.source' | 'data.val_source';

/** Visits the files of a source of the configuration. */
export const visitFiles = (
  { data, data_dir }: ProjectConfig,
  key: SourceKey,
  { signal }: Pick<ShelfOptions, 'signal'>,
  visit: (file: VisitedFile) => Promise<void>,
): Promise<VisitedSource> =>
  visitSource(
    key === 'data.source' ? data.source : data.val_source!,
    { dataDir: data_dir, cwd: process.cwd(), format: data.format, key, ...(signal && { signal }) },
    visit,
  );
