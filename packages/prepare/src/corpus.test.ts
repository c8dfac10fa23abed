import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectConfig } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCorpus, readCorpus } from './corpus.js';
import { silent } from './silent.test.util.js';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'mdiff-corpus-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function configOf(text: string, val_split: number): Promise<ProjectConfig> {
  const source = join(folder, 'text.txt');
  await writeFile(source, text);
  return projectConfig({ data: { source }, training: { val_split } });
}

const paragraph = (i: number): string =>
  `Paragraph ${i} tells of ship ${7 * i} and of whale ${i * i}, of ${i + 3} sailors and of harbour ${11 * i} in the year ${1700 + i}.`;

describe('a corpus', () => {
  it('says how far the held-out text repeats the training text', async () => {
    const notes: string[] = [];
    const once = Array.from({ length: 40 }, (_, i) => paragraph(i));
    // Each paragraph comes twice, so the training text has the held-out ones too.
    const { train, heldOut, unit } = await readCorpus(await configOf([...once, ...once].join('\n\n'), 0.1), {
      ...silent,
      note: (text) => notes.push(text),
    });
    expect(unit).toBe('blocks');
    expect(heldOut.length).toBeGreaterThan(0);
    expect(notes[0]).toBe(`  ${train.length} documents to train on, ${heldOut.length} held out`);
    expect(notes.at(-1)).toMatch(
      /^ {2}\d+ held-out paragraphs are nearly the same as training ones, so the held-out score is too optimistic; `mdiff data inspect` lists them$/,
    );
  });

  it('is the same for those that only look at it, without a word', async () => {
    const config = await configOf(Array.from({ length: 40 }, (_, i) => paragraph(i)).join('\n\n'), 0.1);
    expect(await loadCorpus(config)).toEqual(await readCorpus(config, silent));
  });

  it('holds out all of data.val_source and trains on all of data.source', async () => {
    const config = await configOf(paragraph(1), 0.5);
    const aside = join(folder, 'aside.txt');
    await writeFile(aside, paragraph(2));
    const notes: string[] = [];
    const corpus = await readCorpus(config.with({ data: { val_source: aside } }), { ...silent, note: (text) => notes.push(text) });
    expect(corpus.train.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text))).toEqual([paragraph(1)]);
    expect(corpus.heldOut.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text))).toEqual([paragraph(2)]);
    expect(notes).toEqual(['  1 documents to train on, 1 held out from aside']);
    await expect(loadCorpus(config.with({ data: { val_source: join(folder, 'absent.txt') } }))).rejects.toThrow(
      /^data\.val_source: expected a readable text, got ".*absent\.txt"; nothing at /,
    );
  });
});
