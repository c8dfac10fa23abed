import type { ProjectConfig } from '@mdiff/config';
import type { Document, Removal } from '@mdiff/text';
import { notesOn, visitSource } from '@mdiff/text/node';
import type { VisitedFile } from '@mdiff/text/node';
import type { Pause } from '../pause.js';
import { cachedOutline, keepOutline, textKey } from './outline.js';
import type { Outline } from './outline.js';
import { cachedShard, keepShard, useKey } from './shard.js';
import type { Cutter, Shard } from './shard.js';

/** One file of a shelf, without its text. */
export interface Volume {
  /** names its text in the cache */
  key: string;
  outline: Outline;
  /** one for each use of the cutter, by `useKey`; none without a cutter */
  shards: ReadonlyMap<string, Shard>;
}

/** A source that is too large for memory: its files in order, with their text in a cache. */
export interface Shelf {
  name: string;
  volumes: Volume[];
  unread: Removal[];
  notes: string[];
}

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
}

/** Reads a shelf file by file, and makes what the cache lacks. An interruption loses the work on one file. */
export async function readShelf(
  { data, data_dir }: ProjectConfig,
  key: 'data.source' | 'data.val_source',
  options: ShelfOptions,
): Promise<Shelf> {
  const volumes: Volume[] = [];
  const notes: string[] = [];
  let bytes = 0;
  const source = key === 'data.source' ? data.source : data.val_source!;
  const { name, removed } = await visitSource(
    source,
    { dataDir: data_dir, cwd: process.cwd(), format: data.format, key, ...(options.signal && { signal: options.signal }) },
    async (file) => {
      const volume = await readVolume(file, { ...options, place: volumes.length });
      volumes.push(volume);
      notes.push(...notesOn(file.where, volume.outline));
      bytes += file.bytes.length;
      options.progress(bytes);
    },
  );
  return { name, volumes, unread: removed, notes };
}

/** Takes the outline and the units of a file from the cache, or parses the file once for all that is missing. */
async function readVolume(
  file: VisitedFile,
  { folder, pause, cutter, onDocument, onDamaged, place }: ShelfOptions & { place: number },
): Promise<Volume> {
  const key = textKey(file);
  let reading: ReturnType<VisitedFile['parse']> | undefined;
  const parsed = (): NonNullable<typeof reading> => (reading ??= file.parse());
  const whole = <T extends object>(entry: T | 'absent' | 'damaged'): T | undefined => {
    if (entry === 'damaged') onDamaged();
    return typeof entry === 'string' ? undefined : entry;
  };
  const outline = whole(await cachedOutline(folder, key)) ?? (await keepOutline(folder, key, await parsed()));
  const shards = new Map<string, Shard>();
  for (const use of cutter?.uses ?? []) {
    const path = cutter!.pathOf(key, use);
    const { tokenizer } = cutter!;
    const cut = async (): Promise<Shard> =>
      keepShard(path, (await parsed()).document.sections, { tokenizer, options: cutter!.options(use), pause });
    shards.set(useKey(use), whole(await cachedShard(path)) ?? (await cut()));
  }
  if (onDocument) onDocument((await parsed()).document, place);
  return { key, outline, shards };
}
