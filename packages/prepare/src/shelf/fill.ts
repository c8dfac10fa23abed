import type { ProjectConfig } from '@mdiff/config';
import type { UnitOptions } from '@mdiff/curriculum';
import type { MdiffError } from '@mdiff/folder';
import type { Tokenizer } from '@mdiff/text';
import type { ReadText, VisitedFile } from '@mdiff/text/node';
import { readEntry, writeEntry } from '../entry.js';
import { IN_HAND } from '../helper.js';
import type { Helper, Part } from '../helper.js';
import type { Pause } from '../pause.js';
import { encodeOutline, outlineOf, outlinePath, textKey } from './outline.js';
import { encodeShard } from './shard.js';
import { visitFiles } from './visit.js';
import type { ShelfOptions, SourceKey } from './visit.js';

// Fills the cache of a shelf together with other processes. Each of them parses and cuts whole files, whose bytes come from here; only this one writes.

/** Entries of a file that the cache lacks. */
interface Lack {
  outline?: string;
  shards: { path: string; options: UnitOptions }[];
}

/** Makes the entries that the cache lacks. A file that cannot be read is left out here; reading the shelf says why. */
export async function fillCache(
  config: ProjectConfig,
  key: SourceKey,
  options: ShelfOptions & { helpers: readonly Helper[] },
): Promise<void> {
  const { helpers, cutter, pause } = options;
  const tokenizer = cutter && Buffer.from(JSON.stringify(cutter.tokenizer.toJson()));
  if (tokenizer) await Promise.all(helpers.map((helper) => helper.run({ op: 'tokenizer' }, tokenizer)));
  const inHand = new Map(helpers.map((helper) => [helper, 0]));
  const given: Promise<void>[] = [];
  let failed = false;
  let bytes = 0;
  const keep = async ({ outline, shards }: Lack, entries: readonly Uint8Array[]): Promise<void> => {
    const paths = [...(outline === undefined ? [] : [outline]), ...shards.map(({ path }) => path)];
    for (const [i, path] of paths.entries()) await writeEntry(path, entries[i]!);
  };
  const give = async (helper: Helper, file: VisitedFile, lack: Lack): Promise<void> => {
    const part: Part = {
      op: 'file',
      where: file.where,
      format: file.format,
      outline: lack.outline !== undefined,
      cuts: lack.shards.map((shard) => shard.options),
    };
    inHand.set(helper, inHand.get(helper)! + 1);
    await helper.run(part, file.bytes).then((entries) => keep(lack, entries), ignoreUnreadable);
    inHand.set(helper, inHand.get(helper)! - 1);
  };
  const make = async (file: VisitedFile, lack: Lack): Promise<void> => {
    const wanted = { outline: lack.outline !== undefined, cuts: lack.shards.map((shard) => shard.options) };
    await keep(lack, await entriesOf(await file.parse(), wanted, { tokenizer: cutter?.tokenizer, pause }));
  };
  await visitFiles(config, key, options, async (file) => {
    const lack = await lackOf(file, options);
    if (lack) {
      const free = helpers.reduce((least, helper) => (inHand.get(helper)! < inHand.get(least)! ? helper : least));
      if (inHand.get(free)! < IN_HAND) {
        const done = give(free, file, lack);
        done.catch(() => (failed = true)); // awaited at the end
        given.push(done);
      } else await make(file, lack);
    }
    bytes += file.bytes.length;
    options.progress(bytes);
    if (failed) await Promise.all(given);
  });
  await Promise.all(given);
}

/** The entries of a file: its outline where one is asked for, then a shard for each way of cutting, which needs a tokenizer. */
export async function entriesOf(
  read: ReadText,
  { outline, cuts }: { outline: boolean; cuts: readonly UnitOptions[] },
  { tokenizer, pause }: { tokenizer: Tokenizer | undefined; pause: Pause },
): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = outline ? [encodeOutline(outlineOf(read))] : [];
  for (const options of cuts) entries.push(await encodeShard(read.document.sections, { tokenizer: tokenizer!, options, pause }));
  return entries;
}

function ignoreUnreadable(error: unknown): void {
  if ((error as Partial<MdiffError>).code !== 'MDIFF_TEXT') throw error;
}

/** Entries of a file that are absent or damaged; undefined if there are none. */
async function lackOf(file: VisitedFile, { folder, cutter, onDamaged }: ShelfOptions): Promise<Lack | undefined> {
  const lacks = async (path: string): Promise<boolean> => {
    const entry = await readEntry(path);
    if (entry === 'damaged') onDamaged();
    return typeof entry === 'string';
  };
  const text = textKey(file);
  const outline = outlinePath(folder, text);
  const shards: Lack['shards'] = [];
  for (const use of cutter?.uses ?? []) {
    const path = cutter!.pathOf(text, use);
    if (await lacks(path)) shards.push({ path, options: cutter!.options(use) });
  }
  const lack: Lack = { ...((await lacks(outline)) && { outline }), shards };
  return lack.outline !== undefined || shards.length > 0 ? lack : undefined;
}
