import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectConfig } from '@mdiff/config';
import type { Part } from '@mdiff/prepare';
import { localRanks } from '@mdiff/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { helpLeader, helpersOf } from './helpers.js';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'mdiff-helpers-'))));
afterAll(() => rm(folder, { recursive: true }));

const names = ['rank 0', 'rank 1 (host b, pid 7)', 'rank 2 (host c, pid 8)'];
const file = (format: 'text' | 'pdf'): Part => ({ op: 'file', where: `a.${format}`, format, outline: true, cuts: [] });
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

it('the other ranks do parts, several at once; each answer is that of its part; an error names the rank', async () => {
  const [first, ...others] = localRanks(3);
  const config = projectConfig({ cache_dir: folder });
  const helping = others.map((comm) => helpLeader(comm, config, 1));
  const { list, dismiss } = helpersOf(first!, { names, threads: 1 });
  expect(list.map(({ threads }) => threads)).toEqual([1, 1]);
  const sizes = [3, 9, 5, 7].map((words) => ({ words, text: Array.from({ length: words }, () => 'whale').join(' ') }));
  const answers = await Promise.all(
    sizes.flatMap(({ text }) => list.map(async (helper) => (await helper.run(file('text'), bytes(text)))[0]!)),
  );
  const outlines = answers.map((answer) => JSON.parse(Buffer.from(answer).toString()) as { bytes: number });
  expect(outlines.map((outline) => outline.bytes)).toEqual(sizes.flatMap(({ text }) => [text.length, text.length]));
  const [failed, fine] = await Promise.allSettled([list[1]!.run(file('pdf'), bytes('no PDF')), list[1]!.run(file('text'), bytes('whale'))]);
  expect(failed).toMatchObject({
    status: 'rejected',
    reason: { code: 'MDIFF_TEXT', message: expect.stringMatching(/^rank 2 \(host c, pid 8\): .*PDF/) as string },
  });
  expect(fine.status).toBe('fulfilled');
  await Promise.all([dismiss(), dismiss(), ...helping]);
});

it('a rank is let go once it has done its parts', async () => {
  const [first, second] = localRanks(2);
  const helping = helpLeader(second!, projectConfig({ cache_dir: folder }), 1);
  const { list, dismiss } = helpersOf(first!, { names: names.slice(0, 2), threads: 1 });
  const answer = list[0]!.run(file('text'), bytes('whale'));
  await Promise.all([dismiss(), helping]);
  expect(await answer).toHaveLength(1);
});
