import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { run } from './command.test.util.js';
import { evaluationText } from './evaluatetext.js';
import { fixture } from './fixture.test.util.js';
import { program } from './program.js';
import type { Hooks } from './graphs.js';

const scratch = mkdtempSync(join(tmpdir(), 'mdiff-evaluate-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const TEXT = 'Call me Ishmael.\n\nThe whale swam to the sea.\n\nThe sea.';
const few = ['--masks', '2', '-n', '2', '--max-tokens', '8', '--temperatures', '0,1', '--seed', '3'];

async function runWith(hooks: Hooks, ...args: string[]): Promise<string> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((out += String(text))));
  await program(hooks).parseAsync(['evaluate', ...args], { from: 'user' });
  vi.restoreAllMocks();
  return out;
}

describe('evaluate', () => {
  it('measures a text that it is given, with no training code', async () => {
    const book = join(scratch, 'book.txt');
    writeFileSync(book, `${TEXT}\n`);
    const { out, err, code } = await run('evaluate', fixture, TEXT, ...few, '--book', book);
    expect({ err, code }).toEqual({ err: '', code: 0 });
    expect(out).toMatch(
      /^shifted on Call me Ishmael\. The whale swam to the sea\. The sea\.\n\nfull-range NELBO, 2 masks a paragraph, seed 3;/,
    );
    expect(out).toMatch(/\nNELBO +[\d.]+ ± [\d.]+ +[\d.]+ ± [\d.]+ +3 +17\n/);
    expect(out).toMatch(/\n90-100 % +[\d.]+ +\d+\n/);
    expect(out).toMatch(/\ndenoiser, left to right +[\d.]+/);
    expect(out).toMatch(/\ntemperature +words +distinct-1 .* verbatim run +4-grams in book +8-grams in book\n0 +\d/);
    expect(out).toMatch(/\nevaluated text +\d+ .* words +100\.0 %/);
    expect((await run('evaluate', fixture, TEXT, ...few, '--book', book)).out).toBe(out);
    const bare = await run('evaluate', fixture, TEXT, ...few, '--chain-tokens', '0', '--json');
    expect(JSON.parse(bare.out)).toMatchObject({
      finished: true,
      bound: { units: 3, tokens: 17 },
      notes: [
        'not compared with the training text: the package that reads the training text is not installed; run: npm install @mdiff/trainer; --book <file> names it',
      ],
    });
    expect(JSON.parse(bare.out)).not.toHaveProperty('chainRule');
  });

  it('takes the held-out part, the seed and the bands from the training code', async () => {
    const asked: unknown[] = [];
    const hooks: Hooks = {
      textOfModel: (folder) => {
        asked.push(folder);
        return Promise.resolve({ source: 'whales.txt', seed: 9, train: ['The sea.'], heldOut: TEXT.split('\n\n') });
      },
      bandsOfTexts: (_, texts) => {
        asked.push(texts.length);
        return Promise.resolve(['hard', 'easy', 'easy']);
      },
    };
    const out = await runWith(hooks, fixture, '-n', '0');
    expect(asked).toEqual([fixture, 3]);
    expect(out).toMatch(/^\S+ on the held-out part of whales.txt\n\nfull-range NELBO, .* seed 9;/);
    expect(out).toMatch(/\n {2}easy .*\n {2}hard /);
  });

  it('an interrupt ends it with 130, and what was measured is marked as unfinished', async () => {
    const hooks: Hooks = {
      textOfModel: () => Promise.resolve({ source: 's', seed: 1, train: [], heldOut: TEXT.split('\n\n') }),
      bandsOfTexts: () => {
        process.emit('SIGINT', 'SIGINT');
        return Promise.resolve(undefined);
      },
    };
    await expect(runWith(hooks, fixture)).rejects.toMatchObject({ code: 'MDIFF_INTERRUPTED', exitCode: 130 });
    const figure = { units: 1, tokens: 2, bytes: 3, natsPerToken: 1, natsPerTokenError: NaN, bitsPerByte: 2, bitsPerByteError: NaN };
    const stopped = {
      model: 'm',
      folder: 'f',
      text: 't',
      finished: false,
      notes: [],
      bound: { ...figure, seed: 1, levels: 4, byRatio: [] },
    };
    expect(evaluationText(stopped)).toMatch(/\nNELBO +1\.000 +2\.000 +1 +2\n[\s\S]*\ninterrupted: the evaluation is not complete\n$/);
  });

  it('answers each mistake with one line', async () => {
    const { err, code } = await run('evaluate', fixture, TEXT, '--temperatures', '11');
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('expected numbers from 0 to 10') as string });
    expect((await run('evaluate', fixture, TEXT, '--set', 'generation.temperature=1')).err).toContain('takes --temperatures instead');
    expect((await run('evaluate', fixture)).err).toMatch(/^evaluate: no held-out text of this model is here \(.*\); give a text or a file/);
  });
});
