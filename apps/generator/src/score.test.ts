import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { run } from './command.test.util.js';
import { fixture } from './fixture.test.util.js';
import { program } from './program.js';

const other = fileURLToPath(new URL('../../../packages/generate/fixtures/plain', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'mdiff-score-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

interface Answer {
  models: { name: string; bitsPerByte: number; units: { words?: { text: string }[] }[]; against?: { natsPerToken: number } }[];
  likeliest?: string;
}

const answer = async (...args: string[]): Promise<Answer> => JSON.parse((await run('score', ...args, '--json')).out) as Answer;

describe('score', () => {
  it('prints the figures of a text, the same for the same seed', async () => {
    const { out, err, code } = await run('score', fixture, 'Call me Ishmael.', '--seed', '3');
    expect({ err, code }).toEqual({ err: '', code: 0 });
    expect(out).toMatch(
      /^1 paragraph, 5 tokens, 16 bytes, seed 3\n\nmodel +nats\/token +bits\/byte\nshifted +\d+\.\d{3} ± \d+\.\d{3} +\d+\.\d{3} ± \d+\.\d{3}\n$/,
    );
    expect((await run('score', '-m', fixture, 'Call me Ishmael.', '--seed', '3', '--threads', '1', '--no-verify')).out).toBe(out);
    expect((await run('score', fixture, 'Call me Ishmael.', '--seed', '4')).out).not.toBe(out);
    expect((await run('score', fixture, 'Call me Ishmael.', '--seed', '3', '--masks', '2')).out).not.toBe(out);
  });

  it('says which of several models finds a text likeliest, and what each has over another', async () => {
    // The two fixtures are one network with and without a shifted head.
    const { out } = await run('score', fixture, other, 'Call me Ishmael.');
    expect(out).toContain('\nshifted and plain find the text equally likely\n');
    expect((await answer(fixture, other, 'Call me Ishmael.')).likeliest).toBe(fixture);
    const against = await answer(fixture, 'Call me Ishmael.', '--against', other);
    expect(against.models.map(({ name, against: over }) => [name, typeof over?.natsPerToken])).toEqual([
      ['shifted', 'number'],
      ['plain', 'undefined'],
    ]);
    expect((await run('score', fixture, 'Call me.', '--against', other, '--per', 'word')).out).toMatch(
      /over plain: nats\/token[\s\S]*\nword \(nats, given all others\) +shifted +plain +shifted over plain\nCall +\d+\.\d\d +\d+\.\d\d +[+-]\d+\.\d{3}\nme\. /,
    );
    // Two folders of one name are told apart by their paths.
    expect((await answer(fixture, fixture, 'Call')).models.map(({ name }) => name)).toEqual([fixture, fixture]);
  });

  it('reads a file as training does, and standard input', async () => {
    const file = join(scratch, 'book.txt');
    writeFileSync(file, 'The whale swam\nto the sea.\n\nCall me Ishmael.\n');
    const { out } = await run('score', fixture, file);
    expect(out).toMatch(/^2 paragraphs, 13 tokens, 42 bytes/);
    for (const args of [[fixture], [fixture, '-'], [fixture, other]]) {
      const text = Readable.from([Buffer.from('The whale swam to the sea.\n\nCall me Ishmael.\n')]);
      vi.spyOn(process, 'stdin', 'get').mockReturnValue(text as unknown as typeof process.stdin);
      expect((await run('score', ...args)).out).toMatch(/^2 paragraphs, 13 tokens, 42 bytes/);
    }
  });

  it('answers each mistake with one line', async () => {
    const message = async (...args: string[]): Promise<string> => {
      const { err, code } = await run('score', ...args);
      expect(code).toBe(2);
      expect(err.trimEnd()).not.toContain('\n');
      return err.trimEnd();
    };
    expect(await message()).toBe('score: no model folder given; for example: mdiff score outputs/my-book/model "Call me Ishmael."');
    expect(await message(join(scratch, 'absent'), 'Call')).toContain('absent: expected a model folder, got nothing at this path');
    expect(await message(fixture, ' ')).toBe('text: no text to score; give at least one word');
    expect(await message(fixture, scratch)).toBe(
      `score: ${scratch} is a folder and no model; give a text, a file or - for standard input as the last argument`,
    );
    expect(await message(fixture, 'absent.txt')).toBe(
      'score: there is no file absent.txt; give a file that is there, or a text between quotes',
    );
    expect(await message(fixture, 'Call', '--per', 'page')).toContain("'page' is invalid. Allowed choices are word.");
    expect(await message(fixture, 'Call', '--masks', '0')).toContain('expected an integer >= 1');
  });

  it('takes a folder of weights alone where the training code is installed, and says what to install where it is not', async () => {
    const weights = join(scratch, 'weights');
    mkdirSync(weights);
    for (const name of ['manifest.json', 'model.safetensors']) writeFileSync(join(weights, name), '{}');
    expect((await run('score', weights, 'Call')).err).toBe(
      `${weights}: this model folder has weights and no graph, and the package that writes graphs is not installed; run: npm install @mdiff/trainer\n`,
    );
    let out = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((out += String(text))));
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    vi.stubEnv('MDIFF__CACHE_DIR', join(scratch, 'cache'));
    const asked: string[] = [];
    const withGraph = (folder: string, place: string) => {
      asked.push(folder);
      cpSync(fixture, place, { recursive: true });
      return Promise.resolve(true);
    };
    for (const command of ['score', 'generate', 'infill']) {
      await program({ withGraph }).parseAsync([command, weights, ...(command === 'generate' ? [] : ['Call ___'])], { from: 'user' });
    }
    vi.unstubAllEnvs();
    expect(out).toMatch(/\nweights +\d/);
    expect(asked).toEqual([weights]);
  });
});
