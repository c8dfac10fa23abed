import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectConfig, ProjectInput } from '@mdiff/config';
import { MIN_VOCAB, Tokenizer } from '@mdiff/text';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { prepare } from './prepare.js';
import { sha256 } from '@mdiff/folder/node';
import { tinyBook, tinyRun } from './tiny.test.util.js';
import { silent } from './silent.test.util.js';
import type { PrepareReporter } from './reporter.js';

let folder: string;
let config: ProjectConfig;
beforeAll(async () => {
  const run = await tinyRun();
  folder = run.folder;
  config = run.config.with({ cache_dir: join(folder, 'cache') });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const tokenizerOf = async (input: ProjectInput, reporter: PrepareReporter = silent) =>
  (await prepare(config.with(input), reporter)).tokenizer;
const cache = () => readdir(join(folder, 'cache', 'tokenizers'));

describe('a text that is too little', () => {
  const stage = (name: string, data_selection: 'easy' | 'hard' | 'all', format_type: 'sentences' | 'pairs' | 'paragraphs') => ({
    name,
    epochs: 1,
    masking_rate_range: [0.1, 0.5] as [number, number],
    data_selection,
    format_type,
  });
  const prepared = async (text: string, stages: ReturnType<typeof stage>[]) => {
    const source = join(folder, 'little.txt');
    await writeFile(source, text);
    return prepare(
      config.with({
        data: { source, min_sentence_length: 40 },
        curriculum: { embedding_model: 'tfidf-svd', stages },
        training: { val_split: 0 },
      }),
      silent,
    );
  };

  it('names every stage that gets nothing, with the numbers', async () => {
    const stages = [
      stage('first', 'all', 'sentences'),
      stage('second', 'hard', 'paragraphs'),
      stage('third', 'all', 'pairs'),
      stage('fourth', 'all', 'paragraphs'),
    ];
    await expect(prepared('The whale went down.', stages)).rejects.toMatchObject({
      code: 'MDIFF_TEXT',
      exitCode: 2,
      message:
        'curriculum.stages: expected text for each of 4 stages, got nothing for 3: sentences (all) for stage "first": none, since the text has no sentences of 40 tokens or more; ' +
        'paragraphs (hard) for stage "second": none of 1 (1 easy, 0 medium, 0 hard); pairs (all) for stage "third": none, since the text has no pairs of sentences of 40 tokens or more; ' +
        'use a longer text, a smaller data.min_sentence_length or data_selection "all"',
    });
    await expect(prepared('The whale went down.', stages.slice(0, 1))).rejects.toThrow(
      /^curriculum\.stages\[0\]: expected sentences \(all\) for stage "first", got none, since the text has no sentences of 40/,
    );
  });
});

it('tells which files of a folder were not read', async () => {
  const shelf = join(folder, 'shelf');
  await mkdir(shelf);
  await writeFile(join(shelf, 'a.txt'), tinyBook(40));
  await writeFile(join(shelf, 'b.png'), Buffer.from([0x89, 0x50, 0x4e, 0x47]));
  const note = vi.fn();
  await prepare(config.with({ data: { source: shelf } }), { ...silent, note });
  expect(note.mock.calls.flat()).toContain('  not read: b.png: it is a PNG picture; run text recognition (OCR) on it and save the text');
  expect(note.mock.calls.flat().join()).not.toContain('left out');
});

describe('the tokenizer of a run', () => {
  it.each(['bpe', 'gpt2_compressed'] as const)(
    'is built from the training text, kept, and built again if the copy is damaged: %s',
    async (type) => {
      const before = await cache().catch(() => [] as string[]);
      const said: (string | undefined)[] = [];
      const built = await tokenizerOf({ tokenizer: { type } }, { ...silent, phase: (_, detail) => said.push(detail) });
      expect(said[1]).toContain(`at most ${config.model.vocab_size} tokens`);
      expect(built.vocabSize).toBeGreaterThan(MIN_VOCAB);
      expect(built.vocabSize).toBeLessThanOrEqual(300);
      const [kept, ...more] = (await cache()).filter((name) => !before.includes(name));
      expect(more).toEqual([]);
      const file = join(folder, 'cache', 'tokenizers', kept!);
      const written = await readFile(file, 'utf8');
      const other = JSON.stringify(Tokenizer.fromMerges([]).toJson());
      await writeFile(file, JSON.stringify({ sum: sha256(other), tokenizer: other }));
      expect((await tokenizerOf({ tokenizer: { type } })).vocabSize).toBe(MIN_VOCAB);
      await writeFile(file, written.replace('merges', 'merge5'));
      expect((await tokenizerOf({ tokenizer: { type } })).toJson()).toEqual(built.toJson());
      expect(await readFile(file, 'utf8')).toBe(written);
    },
  );

  it('is another for each type', async () => {
    const [bpe, gpt2] = [await tokenizerOf({ tokenizer: { type: 'bpe' } }), await tokenizerOf({ tokenizer: { type: 'gpt2_compressed' } })];
    expect(gpt2.toJson().model.merges).not.toEqual(bpe.toJson().model.merges);
  });

  it('comes from a file, whichever way that was made', async () => {
    for (const type of ['bpe', 'gpt2_compressed'] as const) {
      const path = join(folder, `${type}.json`);
      const built = await tokenizerOf({ tokenizer: { type } });
      await writeFile(path, JSON.stringify(built.toJson()));
      const given = await tokenizerOf({ tokenizer: { path }, model: { vocab_size: built.vocabSize } });
      expect(given.toJson()).toEqual(built.toJson());
    }
  });

  it('from a file has to fit the model', async () => {
    const path = join(folder, 'large.json');
    await writeFile(
      path,
      JSON.stringify(
        Tokenizer.fromMerges([
          ['a', 'b'],
          ['ab', 'c'],
        ]).toJson(),
      ),
    );
    await expect(tokenizerOf({ tokenizer: { path }, model: { vocab_size: MIN_VOCAB + 1 } })).rejects.toMatchObject({
      issues: [{ code: 'S3' }],
    });
    await expect(tokenizerOf({ tokenizer: { path }, model: { mask_token_id: 4 } })).rejects.toMatchObject({ issues: [{ code: 'S4' }] });
    await expect(tokenizerOf({ tokenizer: { path: join(folder, 'none.json') } })).rejects.toThrow(
      /^tokenizer\.path: cannot read ".*none\.json": there is no such file \(ENOENT\); set tokenizer\.path to the tokenizer\.json of a run or of a model folder, or to null to learn a tokenizer from the text$/,
    );
    const damaged = join(folder, 'damaged.json');
    await writeFile(damaged, '{');
    await expect(tokenizerOf({ tokenizer: { path: damaged } })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(
        /^tokenizer\.path: mdiff cannot use ".*damaged\.json": expected JSON, got something else; set tokenizer\.path to/,
      ) as string,
    });
  });
});
