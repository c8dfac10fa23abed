import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { projectConfig } from '@mdiff/config';
import type { ConfigError, ProjectInput, StageConfig } from '@mdiff/config';
import { listSentences, parseFeatures, scoreSentences, tfidfSvd } from '@mdiff/curriculum/scores';
import { stream } from '@mdiff/diffusion';
import { Tokenizer } from '@mdiff/text';
import type { Section } from '@mdiff/text';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { prepare } from './prepare.js';
import { embedderOf, embedders } from './embed.js';
import { tinyBook, tinyRun } from './tiny.test.util.js';
import { silent } from './silent.test.util.js';
import { openHelp } from './help.js';
import type { Helper } from './helper.js';
import { fileMemo, hashSentences } from './memo.js';
import { scoreText } from './score.js';
import { openScoring } from './scoring.js';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'mdiff-score-'))));
afterAll(() => rm(folder, { recursive: true }));

describe('scoring in worker threads', () => {
  // Above the number of sentences under which everything is done here.
  const rng = stream(1, 'sentences');
  const words = tinyBook(40).split(/\s+/);
  const section: Section = {
    title: 't',
    paragraphs: Array.from({ length: 540 }, () => ({
      kind: 'prose',
      text: `${Array.from({ length: 5 + rng.int(4) }, () => words[rng.int(words.length)]!.replace(/\W/g, '')).join(' ')}.`,
    })),
  };
  const config = (cpu_threads: number) =>
    projectConfig({
      cache_dir: join(folder, `threads-${cpu_threads}`),
      curriculum: { embedding_model: 'tfidf-svd' },
      hardware: { cpu_threads },
    });

  it('gives the same to the bit, whatever the number of workers, and tells how far it is', async () => {
    const sentences = listSentences([section]);
    const progress = vi.fn();
    const score = async (cpu_threads: number) => {
      const { curriculum, data, seed } = config(1);
      const { options, close } = await openScoring(config(cpu_threads));
      return scoreSentences(sentences, { curriculum, data, seed, ...options, progress }).finally(close);
    };
    const { curriculum, data, seed } = config(1);
    const here = await scoreSentences(sentences, { curriculum, data, seed, embedder: tfidfSvd({ seed }), parse: parseFeatures });
    expect(here.report.scored).toBeGreaterThan(512);
    for (const workers of [1, 3]) expect(await score(workers)).toEqual(here);
    expect(progress.mock.lastCall).toEqual([2 * here.report.scored, 2 * here.report.scored]);
  });

  it('gives the same to the bit with a helper, which takes a part of the sentences, and keeps the same entries', async () => {
    const sentences = listSentences([section]);
    const { curriculum, data, seed } = config(1);
    const memo = fileMemo(join(folder, 'here'), hashSentences(sentences));
    const here = await scoreSentences(sentences, { curriculum, data, seed, embedder: tfidfSvd({ seed }), parse: parseFeatures, memo });
    const helped = projectConfig({ ...config(1), cache_dir: join(folder, 'helped') });
    const help = openHelp(helped, 1);
    let parts = 0;
    const run: Helper['run'] = (part) => (parts++, help.run(part, new Uint8Array()));
    const entries = new Set<string>();
    const options = { tokenizer: Tokenizer.fromMerges([]), helpers: [{ threads: 1, run }], onEntry: (path: string) => entries.add(path) };
    const { report } = await scoreText(helped, [section], options).finally(() => help.close());
    expect(report).toEqual(here.report);
    expect(parts).toBeGreaterThan(0);
    const names = (await readdir(join(folder, 'here'))).sort();
    expect([...entries].sort()).toEqual(names.map((name) => join(folder, 'helped/scores', name)));
    for (const name of names)
      expect(await readFile(join(folder, 'helped/scores', name))).toEqual(await readFile(join(folder, 'here', name)));
  });

  it('stops when it is told to, and goes on with what is done', async () => {
    const interrupt = new AbortController();
    const tokenizer = Tokenizer.fromMerges([]);
    const interrupted = scoreText(config(2), [section], { tokenizer, progress: () => interrupt.abort(), signal: interrupt.signal });
    await expect(interrupted).rejects.toThrow(expect.objectContaining({ code: 'MDIFF_INTERRUPTED', exitCode: 130 }));
    const { report } = await scoreText(config(2), [section], { tokenizer });
    expect(report.scored).toBeGreaterThan(512);
  });
});

describe('fileMemo', () => {
  const values = Float32Array.of(1.5, -2, NaN, 0.1);
  const memoIn = (text = 'text') => fileMemo(join(folder, 'memo'), text);
  const make = vi.fn(() => values);
  const entry = async () => join(folder, 'memo', (await readdir(join(folder, 'memo')))[0]!);

  it('makes a value once for its text, name and settings', async () => {
    expect(await memoIn()('a', { k: 1 }, make)).toEqual(values);
    expect(await memoIn()('a', { k: 1 }, make)).toEqual(values);
    expect(make).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['a changed byte', (content: Buffer) => content.map((byte, i) => (i === 37 ? byte ^ 1 : byte))],
    ['a lost end', (content: Buffer) => content.subarray(0, content.length - 3)],
    ['nothing', () => Buffer.alloc(0)],
  ] as const)('notices %s, and makes the entry anew', async (_, damage) => {
    const path = await entry();
    const whole = await readFile(path);
    await writeFile(path, damage(whole));
    make.mockClear();
    expect(await memoIn()('a', { k: 1 }, make)).toEqual(values);
    expect(make).toHaveBeenCalledTimes(1);
    expect(await readFile(path)).toEqual(whole);
  });

  it('is shared by processes that make the same at the same time', async () => {
    const script = `
      const { fileMemo } = await import(${JSON.stringify(new URL('./memo.ts', import.meta.url).href)});
      const memo = fileMemo(${JSON.stringify(join(folder, 'shared'))}, 'text');
      let sum = 0;
      for (let k = 0; k < 30; k++) sum += (await memo('a', { k }, () => Float32Array.of(k, 1)))[0];
      console.log(sum);`;
    const run = () =>
      promisify(execFile)(process.execPath, ['--conditions=@mdiff/source', '--import', 'tsx', '--input-type=module', '-e', script], {
        cwd: fileURLToPath(new URL('..', import.meta.url)),
      });
    for (const { stdout } of await Promise.all([run(), run()])) expect(stdout.trim()).toBe('435');
    expect(await readdir(join(folder, 'shared'))).toHaveLength(30);
  });

  it('keeps other texts, names and settings apart', async () => {
    const other = () => Float32Array.of(9);
    for (const [text, name, k] of [
      ['other', 'a', 1],
      ['text', 'b', 1],
      ['text', 'a', 2],
    ] as const)
      expect(await memoIn(text)(name, { k }, other)).toEqual(other());
  });
});

describe('embedderOf', () => {
  const config = (input: ProjectInput['curriculum'] = {}) => projectConfig({ cache_dir: join(folder, 'none'), curriculum: input });

  it('falls back with a notice where only the default is absent', async () => {
    const { embedder, notice } = await embedderOf(config(), tfidfSvd);
    expect([embedder.name, notice?.code]).toEqual(['tfidf-svd', 'N3']);
  });

  it('refuses what was set and is not there', async () => {
    const error = await embedderOf(config({ embedding_model: 'no/such-model' }), tfidfSvd).catch((caught: ConfigError) => caught);
    expect((error as ConfigError).issues.map(({ code }) => code)).toEqual(['S2']);
  });

  it('finds what was registered', async () => {
    embedders['mine'] = (options) => ({ ...tfidfSvd(options), name: 'mine' });
    expect((await embedderOf(config({ embedding_model: 'mine' }), tfidfSvd)).embedder.name).toBe('mine');
    delete embedders['mine'];
  });
});

describe('prepare', () => {
  const easy = 'We saw the big old ship. The men ate all the bread. The sea was very calm now.';
  const hard =
    'Notwithstanding the incommunicable apprehensions of the crew, which imagination magnified whenever he suggested malignity, the philosophers deliberated. ';
  const stage: StageConfig = { name: 'text', epochs: 2, masking_rate_range: [0.05, 0.5], data_selection: 'all', format_type: 'paragraphs' };
  const text = Array.from({ length: 40 }, (_, i) => (i % 2 ? `${easy} ${i}.` : `${hard}${i} ${hard}`)).join('\n\n');

  async function prepared(data_selection: StageConfig['data_selection'], book = text, more: ProjectInput['curriculum'] = {}) {
    const { config, book: path } = await tinyRun({
      cache_dir: join(folder, `cache-${data_selection}`),
      model: { max_seq_len: 400 },
      curriculum: { embedding_model: 'tfidf-svd', ...more, stages: [{ ...stage, data_selection }] },
      training: { val_split: 0 },
    });
    await writeFile(path, book);
    return { config, ready: await prepare(config, silent) };
  }
  const texts = ({ tokenizer, unitsPerStage }: Awaited<ReturnType<typeof prepare>>) =>
    Array.from(unitsPerStage[0]!.lengths, (_, place) => tokenizer.decode(unitsPerStage[0]!.unit(place).tokens));

  it('gives a stage the band it asks for', async () => {
    const { config, ready } = await prepared('easy');
    expect(texts(ready)).toHaveLength(14); // ranks 0…13 of 40 are under 33 %
    for (const unit of texts(ready)) expect(unit).toContain('bread');
    for (const unit of texts((await prepared('hard')).ready)) expect(unit).toContain('Notwithstanding');
    // Three easy ones, one hard one, and that one after each of twenty numbers; the numbers themselves are too short.
    expect(ready.scoring).toMatchObject({ scored: 24, embedder: { name: 'tfidf-svd' }, seed: config.seed });
    expect(await readdir(join(config.cache_dir, 'scores'))).toHaveLength(7);
  });

  it('records which embeddings stand in for absent ones', async () => {
    const { embedding_model: asked } = projectConfig().curriculum;
    const { book, config } = await tinyRun({
      cache_dir: join(folder, 'cache-absent'),
      curriculum: { stages: [{ ...stage, data_selection: 'easy' }] },
    });
    await writeFile(book, text);
    const { scoring, notices } = await prepare(config, silent);
    expect(scoring?.embedder).toMatchObject({ name: 'tfidf-svd', instead_of: asked });
    expect(notices.map(({ code }) => code)).toContain('N3');
    expect((await prepared('easy')).ready.scoring!.embedder).not.toHaveProperty('instead_of');
  });

  it('scores nothing where every stage takes all', async () => {
    const { config, ready } = await prepared('all');
    expect([ready.scoring, ready.notices]).toEqual([undefined, []]);
    expect(await readdir(config.cache_dir)).not.toContain('scores');
  });

  it('says when there are fewer sentences than clusters', async () => {
    const { ready } = await prepared('easy', text, { n_clusters: 400 });
    expect(ready.notices.map(({ code, message }) => [code, message])).toEqual([['N9', 'clamped to 24 units']]);
  });

  it('says with numbers that a text is too small for a band', async () => {
    await expect(prepared('medium', easy)).rejects.toThrow(
      /^curriculum\.stages\[0\]: expected paragraphs \(medium\) for stage "text", got none of 1 \(1 easy, 0 medium, 0 hard\); use a longer text/,
    );
  });
});
