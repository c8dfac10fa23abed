import { closeSync, openSync, readSync } from 'node:fs';
import type { UnitStore } from '@mdiff/curriculum';
import { MdiffError } from '@mdiff/folder';
import type { Shard } from './shard.js';

/** The units of some paragraphs of a shard. */
export interface Selection {
  shard: Shard;
  /** true for each paragraph of the file whose units belong to the store; undefined: all */
  paragraphs?: readonly boolean[];
}

/** Units of shards, in order. Sixteen bytes a unit are in memory; their ids are read when a batch asks for them. */
export interface ShelfStore extends UnitStore {
  readonly lengths: Int32Array;
  /** UTF-8 bytes of the text of each unit */
  readonly sizes: Int32Array;
}

export function shelfStore(selections: readonly Selection[]): ShelfStore {
  const kept = selections.map(({ shard, paragraphs }) => {
    const places: number[] = [];
    // A passage that crosses the border of the held-out part belongs to neither side.
    for (let place = 0; place < shard.lengths.length; place++)
      if (paragraphs?.slice(shard.first[place], shard.last[place]! + 1).every(Boolean) ?? true) places.push(place);
    return places;
  });
  const count = kept.reduce((sum, places) => sum + places.length, 0);
  const [lengths, sizes, shardOf, offset] = [new Int32Array(count), new Int32Array(count), new Uint32Array(count), new Uint32Array(count)];
  let next = 0;
  selections.forEach(({ shard }, s) => {
    const before = new Uint32Array(shard.lengths.length + 1);
    shard.lengths.forEach((length, place) => (before[place + 1] = before[place]! + length));
    for (const place of kept[s]!) {
      lengths[next] = shard.lengths[place]!;
      sizes[next] = shard.bytes[place]!;
      shardOf[next] = s;
      offset[next] = before[place]!;
      next++;
    }
  });
  return {
    lengths,
    sizes,
    tokens: lengths.reduce((sum, length) => sum + length, 0),
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    unit: (place) => ({ id: place, tokens: readIds(selections[shardOf[place]!]!.shard, offset[place]!, lengths[place]!) }),
  };
}

/** Reads `count` ids from the `from`-th on. A file is open only meanwhile: a shelf may have more files than a process may open. */
function readIds({ path, start, width }: Shard, from: number, count: number): Int32Array {
  const buffer = new ArrayBuffer(count * width);
  try {
    const file = openSync(path, 'r');
    try {
      const got = readSync(file, new Uint8Array(buffer), 0, count * width, start + from * width);
      if (got < count * width) throw new Error('the file ends too early');
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new MdiffError(
      'MDIFF_CACHE',
      `${path}: mdiff cannot read this shard of the token cache (${code ?? message}); run again with --resume, which makes it again`,
    );
  }
  return Int32Array.from(width === 2 ? new Uint16Array(buffer) : new Uint32Array(buffer));
}
