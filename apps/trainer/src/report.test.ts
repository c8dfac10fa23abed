import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectConfig } from '@mdiff/config';
import { silent } from '@mdiff/train';
import { surveyText } from '@mdiff/prepare';
import { textPage } from '@mdiff/report';
import { Parser } from 'htmlparser2';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { program } from './program.js';
import { pageFor } from './report.js';

const words = 'ship sea whale storm captain sail harbour bread cheese table kitchen oven supper lantern'.split(' ');
const sentence = (i: number): string =>
  [
    `The ${words[i % 7]} followed the ${words[(i + 3) % 7]} over the grey water.`,
    `She put the ${words[7 + (i % 7)]} beside the ${words[7 + ((i + 2) % 7)]} & waited.`,
    `Although the ${words[i % 14]} had deliberated, nobody whom we asked remembered the ${words[(i * 5) % 14]}.`,
  ][i % 3]!;
const paragraph = (i: number): string => [sentence(3 * i), sentence(3 * i + 1), sentence(3 * i + 2)].join(' ');
const hostile = 'The sailor wrote <script>alert("1")</script> & \'<img src=x onerror=alert(2)>\' upon the wall\u0001 of the ship.';
const text = [hostile, ...Array.from({ length: 40 }, (_, i) => paragraph(i))].join('\n\n');

let folder: string;
const configOf = (source: string) =>
  projectConfig({
    cache_dir: join(folder, 'cache'),
    tokenizer: { type: 'bpe' },
    model: { vocab_size: 400, max_seq_len: 64 },
    data: { source, min_sentence_length: 1 },
    training: { val_split: 0.1, batch_size: 2 },
    curriculum: { embedding_model: 'tfidf-svd', n_clusters: 3 },
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-report-'));
  await writeFile(join(folder, 'tale.txt'), text);
  await writeFile(join(folder, 'short.txt'), 'Not much is said here. No.');
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

// Written as <line … />, which the parser calls closed unasked.
const closesItself = ['meta', 'line', 'path'];

/** Names of the elements, and the text of the page; fails where a tag is left open or closed unasked. */
function parsed(markup: string): { elements: Set<string>; references: string[]; text: string } {
  const elements = new Set<string>();
  const references: string[] = [];
  const open: string[] = [];
  let shown = '';
  const parser = new Parser(
    {
      onopentag: (name, attributes) => {
        open.push(name);
        elements.add(name);
        for (const [key, value] of Object.entries(attributes))
          if (/^(src|href|srcset|data|action|on.*)$|:href$/.test(key) || /url\(|https?:/.test(value))
            references.push(`${name} ${key}=${value}`);
      },
      ontext: (part) => {
        if (open.at(-1) === 'style' && /url\(|@import|https?:/.test(part)) references.push(part);
        shown += part;
      },
      onclosetag: (name, implied) => expect([name, implied]).toEqual([open.pop(), closesItself.includes(name)]),
    },
    { xmlMode: true },
  );
  parser.end(markup.replace('<!DOCTYPE html>', ''));
  expect(open).toEqual([]);
  return { elements, references, text: shown };
}

describe('the page of a text', () => {
  it('shows its stages, scores and clusters, refers to nothing outside, and is the same every time', async () => {
    const config = configOf(join(folder, 'tale.txt'));
    const found = await surveyText(config, silent);
    const markup = textPage(found);
    const { elements, references, text: shown } = parsed(markup);
    expect(references).toEqual([]);
    expect([...elements].filter((name) => ['script', 'img', 'link', 'iframe', 'object'].includes(name))).toEqual([]);
    for (const { name } of config.curriculum.stages) expect(shown).toContain(name);
    for (const part of [
      'the easiest 33 %',
      'By lexical alone',
      'By syntactic alone',
      'By centrality alone',
      'Correlations',
      'Nearest to its centre',
      `${found.survey.scores.report.scored}`,
    ])
      expect(shown).toContain(part);
    expect(markup.match(/<svg/g)!.length).toBeGreaterThan(12);
    // As scores come from the cache the second time, both ways give the same page.
    expect(textPage(await surveyText(config, silent))).toBe(markup);
  });

  it('shows what the text says and obeys none of it', async () => {
    const found = await surveyText(configOf(join(folder, 'tale.txt')), silent);
    const { text: shown } = parsed(textPage(found));
    expect(found.survey.texts[0]).toBe(hostile);
    expect(shown).toContain('<script>alert("1")</script> & \'<img src=x onerror=alert(2)>\' upon the wall\ufffd of the ship.');
  });

  it('shows the units of each stage as they are packed and hidden', async () => {
    const { stages, stretches } = await surveyText(configOf(join(folder, 'tale.txt')), silent);
    for (const { selected, padded, rows, examples, complexity, range } of stages) {
      const tokens = selected.tokens.reduce((sum, value) => sum + value + 1, 0);
      // [EOS] is in every slot, [BOS] only with a shifted head, which is not the default.
      expect(padded).toBeCloseTo(1 - tokens / (rows * 64), 12);
      expect(selected.complexity.length).toBeLessThanOrEqual(complexity.length);
      const [easy, middle, hard] = examples.map((one) => one.complexity);
      expect(easy! <= middle! && middle! <= hard!).toBe(true);
      for (const { pieces, rate } of examples) {
        expect(rate).toBeCloseTo((range[0] + range[1]) / 2, 12);
        expect(text).toContain(
          pieces
            .map((piece) => piece.text)
            .join('')
            .slice(0, 30),
        );
        expect(pieces.some(({ hidden }) => hidden)).toBe(true);
      }
    }
    expect(stages.map(({ steps }) => steps)).toEqual(
      [0, 1, 2].map((i) => stretches.filter(({ stage }) => stage === i).reduce((sum, { from, to }) => sum + to - from, 0)),
    );
  });

  it('says which stages get nothing of a text too short for them', async () => {
    const config = configOf(join(folder, 'short.txt'));
    const { notices, stretches, ...found } = await surveyText(
      projectConfig({ ...config, training: { ...config.training, val_split: 0 } }),
      silent,
    );
    expect(notices.some((notice) => /stage "\w+" gets no text: none of \d+ \w+ is (easy|medium)/.test(notice))).toBe(true);
    expect(stretches).toEqual([]);
    expect(parsed(textPage({ ...found, notices, stretches })).text).toContain('a run would refuse these stages');
  });
});

describe('mdiff data report', () => {
  const run = (...args: string[]): Promise<unknown> =>
    program().parseAsync(['data', 'report', ...args, '--preset', 'fast_debug', '--set', `cache_dir=${join(folder, 'cache')}`], {
      from: 'user',
    });

  it('writes the page where --out says and prints its path', async () => {
    const out = join(folder, 'pages', 'tale.html');
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await run(join(folder, 'tale.txt'), '--out', out);
    expect(written.mock.calls.map(String).join('')).toBe(`${out}\n`);
    expect(parsed(await readFile(out, 'utf8')).text).toContain('debug_foundation');
    expect(await readdir(join(folder, 'pages'))).toEqual(['tale.html']);
  });

  it('leaves no page when the text cannot be read', async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await expect(run(join(folder, 'absent.txt'), '--out', join(folder, 'none.html'))).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^MDIFF_/) as string }),
    );
    expect(await readdir(folder)).not.toContain('none.html');
  });

  it('names a page for its text', () => {
    expect(['/books/Moby Dick.epub', 'builtin:sotu', '-', 'books/*.txt'].map(pageFor)).toEqual([
      'Moby-Dick.report.html',
      'sotu.report.html',
      'text.report.html',
      '-.report.html',
    ]);
  });
});
