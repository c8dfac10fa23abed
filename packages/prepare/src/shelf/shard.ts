import { join } from 'node:path';
import type { ProjectConfig } from '@mdiff/config';
import { cutUnits } from '@mdiff/curriculum';
import type { UnitOptions } from '@mdiff/curriculum';
import { sha256 } from '@mdiff/folder/node';
import type { Section, Tokenizer } from '@mdiff/text';
import { unitOptions } from '../cut.js';
import type { Use } from '../cut.js';
import { CONTENT_START, readEntry, writeEntry } from '../entry.js';
import type { Pause } from '../pause.js';

// A shard holds the units of one file, for one tokenizer and one way of cutting:
//   uint32 units, uint32 tokens, uint32 bytes of an id (2 or 4), uint32 0
//   uint32 × units: tokens of each · UTF-8 bytes of each · number of its first paragraph in the file · and of its last
//   ids of all units, one after another
// Numbers are little-endian. Node maps no files into memory; training reads the ids of single units by their place (store.ts).

/** The index of a shard; its ids stay in the file. */
export interface Shard {
  path: string;
  /** byte of the file where the ids begin */
  start: number;
  /** bytes of an id */
  width: 2 | 4;
  lengths: Uint32Array;
  bytes: Uint32Array;
  first: Uint32Array;
  last: Uint32Array;
}

const SHARD_VERSION = 3;
const HEADER = 4;

/** How the files of a shelf are cut, and the names of their shards. */
export interface Cutter {
  folder: string;
  tokenizer: Tokenizer;
  uses: readonly Use[];
  options(use: Use): UnitOptions;
  pathOf(text: string, use: Use): string;
}

/** Names a use in the shards of a volume. Units of all formats but passages are the same for training and for evaluations. */
export const useKey = ({ format, evaluated = false }: Use): string => (format === 'passages' && evaluated ? 'longest passages' : format);

/** Each use once: those with the same units share a shard. */
export const distinct = (uses: readonly Use[]): Use[] => [...new Map(uses.map((use) => [useKey(use), use])).values()];

export function cutterOf(config: ProjectConfig, tokenizer: Tokenizer, { folder, uses }: { folder: string; uses: readonly Use[] }): Cutter {
  const vocabulary = sha256(JSON.stringify(tokenizer.toJson()));
  const options = (use: Use): UnitOptions => unitOptions(config, use);
  return {
    folder,
    tokenizer,
    uses,
    options,
    pathOf: (text, use) =>
      join(folder, `${sha256(JSON.stringify([SHARD_VERSION, text, vocabulary, relevant(options(use))])).slice(0, 32)}.units`),
  };
}

/** The settings that decide what the units of a format are. */
function relevant({ format, data, maxSlot, shiftHead, seed, longest }: UnitOptions): unknown {
  const { min_sentence_length: min, max_sentence_length: max, sentence_overlap: overlap, paragraph_max_sentences: most } = data;
  const drawn = overlap > 0 && overlap < 50;
  const own = {
    paragraphs: [most],
    passages: [longest ? 'longest' : seed],
    sentences: [min, max],
    pairs: [min, max, overlap, drawn ? seed : 0],
  }[format];
  return [format, maxSlot, shiftHead, ...own];
}

export async function cachedShard(path: string): Promise<Shard | 'absent' | 'damaged'> {
  const content = await readEntry(path);
  return typeof content === 'string' ? content : indexOf(path, content);
}

export interface CutArgs {
  tokenizer: Tokenizer;
  options: UnitOptions;
  pause: Pause;
}

/** Cuts the sections of a file and keeps the units. */
export async function keepShard(path: string, sections: readonly Section[], args: CutArgs): Promise<Shard> {
  const content = await encodeShard(sections, args);
  await writeEntry(path, content);
  return indexOf(path, content);
}

/** Cuts the sections of a file. @returns the content of the shard */
export async function encodeShard(sections: readonly Section[], { tokenizer, options, pause }: CutArgs): Promise<Buffer> {
  const lengths: number[] = [];
  const bytes: number[] = [];
  const first: number[] = [];
  const last: number[] = [];
  const ids: Int32Array[] = [];
  let before = 0;
  for (const section of sections) {
    for (const unit of cutUnits([section], tokenizer, options)) {
      lengths.push(unit.tokens.length);
      bytes.push(unit.bytes);
      first.push(before + unit.paragraphs[0]);
      last.push(before + unit.paragraphs[1]);
      ids.push(unit.tokens);
      const moment = pause();
      if (moment) await moment;
    }
    before += section.paragraphs.length;
  }
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const width = tokenizer.vocabSize <= 65_536 ? 2 : 4;
  const index = Uint32Array.from([lengths.length, tokens, width, 0, ...lengths, ...bytes, ...first, ...last]);
  const all = width === 2 ? new Uint16Array(tokens) : new Uint32Array(tokens);
  let place = 0;
  for (const part of ids) {
    all.set(part, place);
    place += part.length;
  }
  return Buffer.concat([Buffer.from(index.buffer), Buffer.from(all.buffer)]);
}

/** Copies the index out of a shard's content, so that the ids need not stay in memory. */
function indexOf(path: string, content: Buffer): Shard {
  // A copy: the buffer of a file need not be aligned.
  const words = (from: number, count: number): Uint32Array =>
    new Uint32Array(Uint8Array.from(content.subarray(4 * from, 4 * (from + count))).buffer);
  const [units, , width] = words(0, HEADER) as unknown as [number, number, number];
  return {
    path,
    start: CONTENT_START + 4 * (HEADER + 4 * units),
    width: width === 2 ? 2 : 4,
    lengths: words(HEADER, units),
    bytes: words(HEADER + units, units),
    first: words(HEADER + 2 * units, units),
    last: words(HEADER + 3 * units, units),
  };
}
