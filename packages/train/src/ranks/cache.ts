import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { everyone } from '@mdiff/engine';
import type { Communicator } from '@mdiff/engine';
import { places } from '@mdiff/folder';
import { writeFileWhole } from '@mdiff/folder/node';
import { isThere } from '../isthere.js';

// Ranks that share `cache_dir` read there what rank 0 has written. Rank 0 sends the entries to those that do not, so that nobody makes them again.

/** The numbers of the entries that some rank lacks, the same on all ranks. */
async function lacking(comm: Communicator, own: readonly number[]): Promise<number[]> {
  const all = await everyone(comm, own);
  return [...new Set(all.flat())].sort((a, b) => a - b);
}

/** Rank 0: sends all entries that some rank lacks. */
export async function handOver(comm: Communicator, folder: string, entries: readonly string[]): Promise<void> {
  for (const i of await lacking(comm, [])) {
    const content = await readFile(join(folder, entries[i]!));
    await Promise.all([comm.broadcast(Int32Array.of(content.length), 0), comm.broadcast(content, 0)]);
  }
}

/** Another rank: takes what it lacks. It takes part to the end, also if its disk is full. @throws the first error of writing */
export async function receiveEntries(comm: Communicator, folder: string, entries: readonly string[]): Promise<void> {
  const own = new Set<number>();
  for (const [i, entry] of entries.entries()) if (!(await isThere(join(folder, entry)))) own.add(i);
  let failed: Error | undefined;
  for (const i of await lacking(comm, [...own])) {
    const length = new Int32Array(1);
    await comm.broadcast(length, 0);
    const content = new Uint8Array(length[0]!);
    await comm.broadcast(content, 0);
    if (own.has(i) && !failed)
      await writeFileWhole(join(folder, entries[i]!), content, places.cache).catch((error: Error) => (failed = error));
  }
  if (failed) throw failed;
}
