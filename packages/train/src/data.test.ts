import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectConfig, ProjectInput } from '@mdiff/config';
import { MIN_VOCAB, Tokenizer } from '@mdiff/text';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepare } from './data.js';
import { sha256 } from './files.js';
import { tinyRun } from './fixture.js';
import { silent } from './reporter.js';
import type { Reporter } from './reporter.js';

let folder: string;
let config: ProjectConfig;
beforeAll(async () => {
  const run = await tinyRun();
  folder = run.folder;
  config = run.config.with({ cache_dir: join(folder, 'cache') });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const tokenizerOf = async (input: ProjectInput, reporter: Reporter = silent) => (await prepare(config.with(input), reporter)).tokenizer;
const cache = () => readdir(join(folder, 'cache', 'tokenizers'));

describe('the tokenizer of a run', () => {
  it.each(['bpe', 'gpt2_compressed'] as const)('is built from the training text, kept, and built again if the copy is damaged: %s', async (type) => {
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
  });

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
    await writeFile(path, JSON.stringify(Tokenizer.fromMerges([['a', 'b'], ['ab', 'c']]).toJson()));
    await expect(tokenizerOf({ tokenizer: { path }, model: { vocab_size: MIN_VOCAB + 1 } })).rejects.toMatchObject({ issues: [{ code: 'S3' }] });
    await expect(tokenizerOf({ tokenizer: { path }, model: { mask_token_id: 4 } })).rejects.toMatchObject({ issues: [{ code: 'S4' }] });
    await expect(tokenizerOf({ tokenizer: { path: join(folder, 'none.json') } })).rejects.toThrow('tokenizer.path: expected a readable tokenizer.json');
  });
});
