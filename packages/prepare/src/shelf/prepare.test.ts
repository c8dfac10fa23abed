import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectConfig } from '@mdiff/config';
import type { ProjectConfig, ProjectInput, StageConfig } from '@mdiff/config';
import { feed } from '@mdiff/curriculum';
import type { UnitStore } from '@mdiff/curriculum';
import { stream } from '@mdiff/diffusion';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHelp } from '../help.js';
import type { Helper } from '../helper.js';
import { prepare } from '../prepare.js';
import type { Prepared } from '../prepared.js';
import type { PrepareReporter } from '../reporter.js';
import { silent } from '../silent.test.util.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-shelf-'));
  await shelve('shelf', 4, 3);
  await shelve('long', 3, 7);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const words = ['whale', 'sea', 'harpooner', 'night', 'island', 'storm', 'captain', 'bird', 'rope', 'lamp'];

/** A book of chapters, with prose, verse and paragraphs that are too long for a row. */
function book(seed: number, chapters: number): string {
  const rng = stream(seed, 'shelf');
  const sentence = (): string => `The ${Array.from({ length: 2 + rng.int(6) }, () => words[rng.int(words.length)]!).join(' saw the ')}.`;
  const paragraph = (): string => Array.from({ length: 1 + rng.int(14) }, sentence).join(' ');
  return Array.from(
    { length: chapters },
    (_, c) => `CHAPTER ${c + 1}\n\n${Array.from({ length: 5 }, paragraph).join('\n\n')}\n\n    O ship,\n    O sea,\n    O night.\n`,
  ).join('\n');
}

async function shelve(name: string, books: number, chapters: number): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  for (let i = 0; i < books; i++) await writeFile(join(folder, name, `book-${i}.txt`), book(i, chapters));
}

const stage = (name: string, format_type: StageConfig['format_type']): StageConfig => ({
  name,
  epochs: 2,
  masking_rate_range: [0.1, 0.9],
  data_selection: 'all',
  format_type,
});

const configOf = (cache: string, changes: ProjectInput = {}): ProjectConfig =>
  projectConfig({
    cache_dir: join(folder, cache),
    model: { max_seq_len: 48, vocab_size: 300, shift_head: true },
    tokenizer: { type: 'bpe' },
    curriculum: { stages: [stage('pairs', 'pairs'), stage('paragraphs', 'paragraphs'), stage('sentences', 'sentences')] },
    ...changes,
    data: { source: join(folder, 'shelf'), min_sentence_length: 3, max_sentence_length: 40, sentence_overlap: 20, ...changes.data },
  });

const onShelf = (config: ProjectConfig): Promise<Prepared> => prepare(config, silent, { shelfBytes: 0 });

/** The batches of two epochs of each stage, the later two blended in, as text: comparing millions of numbers one by one takes seconds. */
function batches({ unitsPerStage, rowsPerStage }: Prepared, length = 48): string[] {
  const steps = rowsPerStage.map((rows) => 2 * Math.ceil(rows / 4));
  const text = feed({
    steps,
    ownShare: (step) => (step < steps[0]! ? 1 : 0.5),
    unitsPerStage,
    seed: 5,
    batchSize: 2,
    accumulation: 2,
    length,
    shiftHead: true,
  });
  return Array.from({ length: steps.reduce((a, b) => a + b) }, (_, step) =>
    JSON.stringify(text.batchesAt(step), (__, value: unknown) => (ArrayBuffer.isView(value) ? [...(value as Int32Array)] : value)),
  );
}

const entries = async (cache: string): Promise<Map<string, number>> => {
  const entries = await readdir(join(folder, cache, 'tokens'));
  return new Map(
    await Promise.all(entries.map(async (name) => [name, (await stat(join(folder, cache, 'tokens', name))).mtimeMs] as const)),
  );
};

const PASSAGES: ProjectInput = {
  model: { max_seq_len: 96, vocab_size: 300, shift_head: true },
  curriculum: { stages: [stage('text', 'passages')] },
  training: { eval_format: 'passages', val_split: 0.4 },
};

describe('a shelf', () => {
  it.each<[string, ProjectInput]>([
    ['of few chapters, held out in blocks', {}],
    ['of many chapters', { data: { source: 'long' } }],
    ['with another text held out', { data: { source: 'long', val_source: 'shelf' } }],
    ['cut into passages, with another text held out', { ...PASSAGES, data: { source: 'long', val_source: 'shelf' } }],
    ['of which a sample is evaluated', { training: { val_split: 0.4, eval_max_tokens: 300 } }],
  ])('%s gives the batches of the same text in memory, to the bit', async (_, changes) => {
    const { source = 'shelf', val_source = null } = changes.data ?? {};
    const data = { source: join(folder, source), val_source: val_source === null ? null : join(folder, val_source) };
    const config = configOf('twin', { ...changes, data });
    const shelf = await onShelf(config);
    const book = await prepare(config, silent, { shelfBytes: Infinity });
    expect(book.unitsPerStage.every(({ lengths }) => lengths.length > 20)).toBe(true);
    expect(shelf.tokenizer.toJson()).toEqual(book.tokenizer.toJson());
    expect(batches(shelf, config.model.max_seq_len)).toEqual(batches(book, config.model.max_seq_len));
    const { unitsPerStage: fromShards, tokenizer: learnt, ...rest } = shelf;
    const { unitsPerStage: inMemory, tokenizer: alike, ...others } = book;
    expect(learnt.vocabSize).toBe(alike.vocabSize);
    expect(rest).toEqual(others);
    expect(fromShards.map(({ tokens, bytes }) => [tokens, bytes])).toEqual(inMemory.map(({ tokens, bytes }) => [tokens, bytes]));
  });

  it('gives no passage that crosses the border of the held-out part', async () => {
    const config = configOf('border', PASSAGES);
    const [shelf, book] = [await onShelf(config), await prepare(config, silent, { shelfBytes: Infinity })];
    const texts = (units: UnitStore): string[] =>
      Array.from({ length: units.lengths.length }, (_, place) => shelf.tokenizer.decode(units.unit(place).tokens));
    const heldOut = shelf.heldOut!.batches.flatMap(({ ids, S, units }) =>
      units.map(({ row, maskableStart, length }) =>
        shelf.tokenizer.decode(ids.subarray(row * S + maskableStart, row * S + maskableStart + length - 1)),
      ),
    );
    expect(heldOut.some((text) => text.includes('\n\n'))).toBe(true);
    const evaluated = new Set(heldOut.flatMap((text) => text.split('\n\n')));
    const trained = texts(shelf.unitsPerStage[0]!).flatMap((text) => text.split('\n\n'));
    // Verse and short paragraphs come again in other chapters.
    expect(trained.filter((paragraph) => paragraph.length > 80 && evaluated.has(paragraph))).toEqual([]);
    // The border costs little of the text.
    expect(shelf.unitsPerStage[0]!.bytes).toBeGreaterThan(0.8 * book.unitsPerStage[0]!.bytes);
  });

  it('is cut once, also where its files lie in another folder under other names', async () => {
    const first = await onShelf(configOf('once'));
    const made = await entries('once');
    await mkdir(join(folder, 'copy'), { recursive: true });
    for (let i = 0; i < 4; i++) await writeFile(join(folder, 'copy', `${i}.txt`), await readFile(join(folder, 'shelf', `book-${i}.txt`)));
    const again = await onShelf(configOf('once', { data: { source: join(folder, 'copy') } }));
    expect(await entries('once')).toEqual(made);
    expect(batches(again)).toEqual(batches(first));
    expect(again.text.sha256).toBe(first.text.sha256);
  });

  it('makes damaged entries again, and only those; leftovers of dead processes go', async () => {
    const config = configOf('damage');
    const whole = batches(await onShelf(config));
    const before = await entries('damage');
    const [shard, outline] = ['.units', '.outline'].map((ending) => [...before.keys()].find((name) => name.endsWith(ending))!);
    const path = (name: string): string => join(folder, 'damage', 'tokens', name);
    for (const name of [shard!, outline!]) {
      const content = await readFile(path(name));
      content[content.length - 3]! ^= 1;
      await writeFile(path(name), content);
    }
    await writeFile(path('x.units.tmp-999999999'), 'half');
    const notes: string[] = [];
    const mended = await prepare(config, { ...silent, note: (text) => notes.push(text) }, { shelfBytes: 0 });
    expect(notes).toContain('  2 damaged entries of the token cache were made again');
    expect(batches(mended)).toEqual(whole);
    const after = await entries('damage');
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    for (const [name, time] of before) expect(after.get(name) === time).toBe(name !== shard && name !== outline);
  });

  it('is the same with two helpers, which parse and cut a part of its files; only this process writes', async () => {
    const source = join(folder, 'with-rubbish');
    await shelve('with-rubbish', 6, 3);
    await writeFile(join(source, 'book-2.txt'), '\n\n'); // unreadable, and not the first
    const data = { source, val_source: join(folder, 'shelf') };
    const alone = configOf('alone', { data });
    const together = configOf('together', { data });
    const helps = [openHelp(together, 1), openHelp(together, 1)];
    const taken = helps.map(() => 0);
    const helpers = helps.map((help, i): Helper => ({
      threads: 1,
      run: (part, bytes = new Uint8Array()) => {
        if (part.op === 'file') taken[i]!++;
        return help.run(part, bytes);
      },
    }));
    const used = new Set<string>();
    const notes: string[][] = [[], []];
    const reporter = (i: number): PrepareReporter => ({ ...silent, note: (text) => notes[i]!.push(text) });
    const shelf = await prepare(together, reporter(0), { shelfBytes: 0, helpers, onEntry: (path) => used.add(path) });
    await Promise.all(helps.map((help) => help.close()));
    const { text, rowsPerStage } = await prepare(alone, reporter(1), { shelfBytes: 0 });
    expect([shelf.text, shelf.rowsPerStage]).toEqual([text, rowsPerStage]);
    expect(notes[0]).toEqual(notes[1]);
    expect(taken.every((files) => files > 0)).toBe(true);
    const names = async (cache: string): Promise<string[]> => [...(await entries(cache)).keys()].sort();
    const all = await names('together');
    expect(all).toEqual(await names('alone'));
    for (const name of all)
      expect(await readFile(join(folder, 'together/tokens', name))).toEqual(await readFile(join(folder, 'alone/tokens', name)));
    expect([...used].sort()).toEqual(all.map((name) => join(folder, 'together/tokens', name)));
  });

  it('tells the error of a helper', async () => {
    const failing: Helper = {
      threads: 1,
      run: ({ op }) => (op === 'file' ? Promise.reject(new Error('rank 1: no memory')) : Promise.resolve([])),
    };
    await expect(prepare(configOf('failing'), silent, { shelfBytes: 0, helpers: [failing] })).rejects.toThrow('rank 1: no memory');
  });

  it('goes on where an interruption stopped it', async () => {
    const config = configOf('stopped', { tokenizer: { type: 'bpe' } });
    const controller = new AbortController();
    let files = 0;
    const progress = (): void => {
      if (++files === 2) controller.abort(new Error('stop'));
    };
    await expect(prepare(config, { ...silent, progress }, { shelfBytes: 0, signal: controller.signal })).rejects.toMatchObject({
      code: 'MDIFF_INTERRUPTED',
      exitCode: 130,
      message: `preparing the text was interrupted before any training; run the same command again: it goes on from the work in ${join(folder, 'stopped')}`,
    });
    const begun = await entries('stopped');
    expect(begun.size).toBeGreaterThan(0);
    const finished = await onShelf(config);
    const after = await entries('stopped');
    for (const [name, time] of begun) expect(after.get(name)).toBe(time);
    expect(batches(finished)).toEqual(batches(await onShelf(configOf('twin'))));
  });
});
