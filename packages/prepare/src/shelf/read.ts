import type { ProjectConfig } from '@mdiff/config';
import type { Removal } from '@mdiff/text';
import { notesOn } from '@mdiff/text/node';
import type { VisitedFile } from '@mdiff/text/node';
import { fillCache } from './fill.js';
import { cachedOutline, keepOutline, outlinePath, textKey } from './outline.js';
import type { Outline } from './outline.js';
import { cachedShard, keepShard, useKey } from './shard.js';
import type { Shard } from './shard.js';
import { visitFiles } from './visit.js';
import type { ShelfOptions, SourceKey } from './visit.js';

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

/**
 * Reads a shelf file by file, and makes what the cache lacks. An interruption loses the work on one file. With helpers the cache is filled first: the shelf
 * itself is always read in the same way, here.
 */
export async function readShelf(config: ProjectConfig, key: SourceKey, options: ShelfOptions): Promise<Shelf> {
  if (options.helpers?.length) await fillCache(config, key, { ...options, helpers: options.helpers });
  const volumes: Volume[] = [];
  const notes: string[] = [];
  let bytes = 0;
  const { name, removed } = await visitFiles(config, key, options, async (file) => {
    const volume = await readVolume(file, { ...options, place: volumes.length });
    volumes.push(volume);
    notes.push(...notesOn(file.where, volume.outline));
    bytes += file.bytes.length;
    options.progress(bytes);
  });
  return { name, volumes, unread: removed, notes };
}

/** Takes the outline and the units of a file from the cache, or parses the file once for all that is missing. */
async function readVolume(
  file: VisitedFile,
  { folder, pause, cutter, onDocument, onDamaged, onEntry, place }: ShelfOptions & { place: number },
): Promise<Volume> {
  const key = textKey(file);
  let reading: ReturnType<VisitedFile['parse']> | undefined;
  const parsed = (): NonNullable<typeof reading> => (reading ??= file.parse());
  const whole = <T extends object>(entry: T | 'absent' | 'damaged'): T | undefined => {
    if (entry === 'damaged') onDamaged();
    return typeof entry === 'string' ? undefined : entry;
  };
  const outline = whole(await cachedOutline(folder, key)) ?? (await keepOutline(folder, key, await parsed()));
  onEntry?.(outlinePath(folder, key));
  const shards = new Map<string, Shard>();
  for (const use of cutter?.uses ?? []) {
    const path = cutter!.pathOf(key, use);
    const { tokenizer } = cutter!;
    const cut = async (): Promise<Shard> =>
      keepShard(path, (await parsed()).document.sections, { tokenizer, options: cutter!.options(use), pause });
    onEntry?.(path);
    shards.set(useKey(use), whole(await cachedShard(path)) ?? (await cut()));
  }
  if (onDocument) onDocument((await parsed()).document, place);
  return { key, outline, shards };
}
