import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localRanks } from '@mdiff/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { handOver, receiveEntries } from './cache.js';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'mdiff-cache-'))));
afterAll(() => rm(folder, { recursive: true }));

const entries = ['tokens/a.units', 'tokens/b.units', 'scores/c.f32'];
const content = (name: string): string => `the content of ${name}`;

async function filled(name: string, own: readonly string[]): Promise<string> {
  const cache = join(folder, name);
  for (const kind of ['tokens', 'scores']) await mkdir(join(cache, kind), { recursive: true });
  for (const entry of own) await writeFile(join(cache, entry), content(entry));
  return cache;
}

it('gives each rank the entries that it lacks, and no rank another file', async () => {
  const caches = [await filled('first', entries), await filled('lacks', ['tokens/a.units']), await filled('whole', entries)];
  const before = (await stat(join(caches[2]!, 'tokens/b.units'))).ino;
  const [first, ...others] = localRanks(3);
  await Promise.all([handOver(first!, caches[0]!, entries), ...others.map((comm) => receiveEntries(comm, caches[comm.rank]!, entries))]);
  for (const cache of caches) {
    for (const entry of entries) expect(await readFile(join(cache, entry), 'utf8')).toBe(content(entry));
    expect((await readdir(cache, { recursive: true })).length).toBe(5);
  }
  expect((await stat(join(caches[2]!, 'tokens/b.units'))).ino).toBe(before); // a file that is written anew is another one
});

it('a rank that cannot write takes part to the end, and says why', async () => {
  const [first, second, third] = [await filled('from', entries), join(folder, 'refused'), await filled('empty', [])];
  await writeFile(second, 'a file, where a folder is needed');
  const comms = localRanks(3);
  const [led, refused, received] = await Promise.allSettled([
    handOver(comms[0]!, first, entries),
    receiveEntries(comms[1]!, second, entries),
    receiveEntries(comms[2]!, third, entries),
  ]);
  expect([led.status, refused.status, received.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect((refused as PromiseRejectedResult).reason).toMatchObject({ message: expect.stringContaining('refused') as string });
});
