import { cp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inputOf, projectConfig } from '@mdiff/config';
import type { ProjectConfig, ProjectInput } from '@mdiff/config';
import { tinyBook } from '@mdiff/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { go, stopAt, tinyRun } from './tiny.test.util.js';
import { silent } from './reporter.js';
import type { TrainOptions } from './options.js';
import { findResumed } from './runs.js';

const training = { max_steps: 6, eval_every: 0, log_every: 1, save_every: 100, causal_fraction: 0 };

let place: string;
let book: string;
let config: ProjectConfig;
let run: string;
let saved: string;
beforeAll(async () => {
  ({ folder: place, config, book } = await tinyRun({ training }));
  await writeFile(join(place, 'other.txt'), tinyBook(120, 2));
  ({ folder: run } = await go(config, stopAt(3)));
  saved = join(place, 'saved');
  await cp(run, saved, { recursive: true });
}, 60_000);
afterAll(() => rm(place, { recursive: true, force: true }));
beforeEach(async () => {
  await rm(run, { recursive: true, force: true });
  await cp(saved, run, { recursive: true });
});

/** Settings that a command gives beside the run's own. */
const asking = (input: ProjectInput): ProjectConfig =>
  projectConfig({ experiment_name: 'tiny', output_dir: config.output_dir, cache_dir: config.cache_dir, ...input });

const resume = (asked: ProjectConfig, options: Partial<TrainOptions> = {}) => go(asked, { mode: 'resume', ...options });

const failure = (asked: ProjectConfig): Promise<Error & { exitCode?: number }> =>
  resume(asked).then(
    () => Promise.reject(new Error('resumed')),
    (error: unknown) => error as Error & { exitCode?: number },
  );

/** Every file of the run with its time of change. */
async function state(): Promise<[string, number][]> {
  const names = (await readdir(run, { recursive: true })).sort();
  return Promise.all(names.map(async (name): Promise<[string, number]> => [name, (await stat(join(run, name))).mtimeMs]));
}

describe('a resumed run', () => {
  it('takes its own configuration: none needs to be given', async () => {
    expect(await resume(asking({}))).toMatchObject({ finished: true, step: 6, steps: 6 });
    const resolved = await readFile(join(run, 'config.resolved.yaml'), 'utf8');
    expect(resolved).toBe(await readFile(join(saved, 'config.resolved.yaml'), 'utf8'));
  });

  it.each<[string, unknown, string]>([
    ['seed', 7, "expected 42 (this run's value), got 7"],
    ['training.val_split', 0.4, "expected 0.1 (this run's value), got 0.4"],
    ['training.learning_rate', 0.02, "expected 0.01 (this run's value), got 0.02"],
    ['training.batch_size', 8, "expected 4 (this run's value), got 8"],
    ['model.d_ff', 48, "expected 32 (this run's value), got 48"],
    ['tokenizer.type', 'gpt2_compressed', 'expected "bpe" (this run\'s value), got "gpt2_compressed"'],
  ])('refuses another %s, with both values, and changes nothing', async (key, value, message) => {
    const before = await state();
    const error = await failure(asking(inputOf({ [key]: value })));
    expect(error.message).toBe(`code ${key}: ${message}; leave it out to resume, or train a run of another name`);
    expect(error.exitCode).toBe(2);
    expect(await state()).toEqual(before);
  });

  it('refuses another book and everything else in one error', async () => {
    const error = await failure(asking({ seed: 7, data: { source: join(place, 'other.txt') }, training: { val_split: 0.4 } }));
    expect(error.message.split('\n')).toEqual([
      expect.stringMatching(
        /^code data\.source: expected "book" \(.*book\.txt: 1 document, [\d,]+ bytes\) .*, got "other" \(.*other\.txt: /,
      ),
      expect.stringContaining('seed: expected 42'),
      expect.stringContaining('training.val_split: expected 0.1'),
    ]);
    expect(error.exitCode).toBe(2);
  });

  it('refuses its own book with another text in it', async () => {
    const text = await readFile(book, 'utf8');
    try {
      await writeFile(book, tinyBook(120, 3));
      expect((await failure(asking({}))).message).toMatch(/data\.source: expected "book" .*, got .*, another text/);
    } finally {
      await writeFile(book, text);
    }
  });

  it('takes the same text from another place', async () => {
    const moved = join(place, 'moved.txt');
    await cp(book, moved);
    expect(await resume(asking({ data: { source: moved } }), stopAt(4))).toMatchObject({ step: 4 });
    expect(await readFile(join(run, 'config.resolved.yaml'), 'utf8')).toContain(moved);
  });

  it('says the harmless changes, a later end among them, and writes them down', async () => {
    const said: string[] = [];
    const end = await resume(asking({ training: { max_steps: 8, log_every: 2 } }), {
      reporter: { ...silent, note: (text) => said.push(text) },
    });
    expect(end).toMatchObject({ finished: true, step: 8, steps: 8 });
    expect(said).toContain('changed from here on: training.max_steps to 8 (code) from 6, training.log_every to 2 (code) from 1');
    expect(said).toContain('this run now ends at step 8, not at 6');
    expect(await readFile(join(run, 'config.resolved.yaml'), 'utf8')).toMatch(/max_steps: 8 /);
    expect(JSON.parse(await readFile(join(run, 'run.json'), 'utf8'))).toMatchObject({
      plan: { steps: 8 },
      config: { 'training.log_every': 2 },
    });
  });

  it('takes a lower learning rate, the way on after a loss that was not finite', async () => {
    const said: string[] = [];
    const reporter = { ...silent, note: (text: string) => said.push(text) };
    await resume(asking({ training: { learning_rate: 0.005 } }), { reporter });
    expect(said).toContain('changed from here on: training.learning_rate to 0.005 (code) from 0.01');
  });

  it('refuses an end before the steps that it has behind it', async () => {
    const before = await state();
    expect((await failure(asking({ training: { max_steps: 2 }, curriculum: { stages: config.curriculum.stages } }))).message).toBe(
      'code training.max_steps: expected a plan of at least the 3 steps that this run has behind it, got a plan of 2',
    );
    expect(await state()).toEqual(before);
  });

  it('does not take an edited config.resolved.yaml for its own', async () => {
    const path = join(run, 'config.resolved.yaml');
    await writeFile(path, (await readFile(path, 'utf8')).replace('val_split: 0.1 ', 'val_split: 0.3 '));
    expect((await failure(asking({}))).message).toContain("training.val_split: expected 0.1 (this run's value), got 0.3");
  });

  it.each(['config.resolved.yaml', 'tokenizer.json'])(
    'takes %s from its checkpoint if the file is gone or damaged, and restores it',
    async (name) => {
      const path = join(run, name);
      const content = await readFile(path, 'utf8');
      for (const damage of ['', content.slice(0, 40), undefined]) {
        await (damage === undefined ? rm(path) : writeFile(path, damage));
        await resume(asking({}), stopAt(4));
        expect(await readFile(path, 'utf8')).toBe(content);
      }
    },
  );

  it('knows its text and its values also without run.json', async () => {
    await rm(join(run, 'run.json'));
    expect((await failure(asking({ data: { source: join(place, 'other.txt') } }))).message).toMatch(/data\.source: expected "book" /);
    expect(await resume(asking({}), stopAt(4))).toMatchObject({ step: 4 });
  });

  it('goes on from a record of an earlier release, and records the rest', async () => {
    const path = join(run, 'run.json');
    const {
      format_version,
      text,
      tokenizer,
      plan,
      config: values,
      seed,
      adapted,
      ...old
    } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    expect([format_version, text, tokenizer, plan, values, seed].every((value) => value !== undefined)).toBe(true);
    void adapted;
    await writeFile(path, JSON.stringify({ format_version: 1, ...old }));
    expect((await failure(asking({ seed: 7 }))).message).toContain('seed: expected 42');
    expect(await resume(asking({ model: { vocab_size: 300 } }), stopAt(4))).toMatchObject({ step: 4 });
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ format_version: 2, text, seed: 42 });
  });

  it('refuses a record of a later release', async () => {
    const path = join(run, 'run.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"format_version": 2', '"format_version": 3'));
    expect((await failure(asking({}))).message).toMatch(
      /run\.json: a newer mdiff wrote this record \(format 3\); nothing was changed; update mdiff/,
    );
  });
});

describe('a finished run', () => {
  it('is not written again by --resume; a model folder that is damaged is', async () => {
    await resume(config);
    const before = await state();
    const said: string[] = [];
    const options = { reporter: { ...silent, note: (text: string) => said.push(text) } };
    expect(await resume(asking({}), options)).toMatchObject({ finished: true, step: 6, model: join(run, 'model') });
    expect(said).toEqual([`this run is finished: 6 of 6 steps, model in ${join(run, 'model')}; nothing was changed`]);
    expect(await state()).toEqual(before);
    await writeFile(join(run, 'model', 'README.md'), 'cut');
    await resume(asking({}));
    expect(await readFile(join(run, 'model', 'README.md'), 'utf8')).toContain('6 steps');
  });
});

describe('the run that --resume means', () => {
  const find = (asked: ProjectConfig, name?: string, text?: string) => findResumed(() => asked, { name, text });
  const without = (): ProjectConfig => projectConfig({ output_dir: config.output_dir });

  it('is the only one, the one that is named, or the one of the text', async () => {
    expect(await find(without())).toEqual({ folder: run, configured: false, isText: false });
    expect(await find(without(), 'tiny')).toEqual({ folder: run, configured: false, isText: false });
    expect(await find(without(), run)).toEqual({ folder: run, configured: false, isText: false });
    expect(await find(asking({}))).toEqual({ folder: run, configured: true, isText: false });
    expect(await find(asking({}), book, book)).toEqual({ folder: run, configured: true, isText: true });
  });

  it('is asked for if there are several, and refused if there is none', async () => {
    const second = join(config.output_dir, 'second');
    await cp(saved, second, { recursive: true });
    try {
      await expect(find(without())).rejects.toThrow(
        /holds 2 unfinished runs; name the one to resume:\n {2}npx mdiff train --resume .*second {3}# of "book" at step 3 of 6 \(saved on .*\n.*tiny /,
      );
    } finally {
      await rm(second, { recursive: true });
    }
    await expect(find(projectConfig({ output_dir: join(place, 'nowhere') }))).rejects.toMatchObject({ code: 'MDIFF_EXISTS', exitCode: 2 });
  });
});

describe('--fresh', () => {
  it('asks before it replaces a run, and changes nothing after a no', async () => {
    const before = await state();
    const asked: string[] = [];
    const confirm = (earlier: string): Promise<boolean> => Promise.resolve(asked.push(earlier) < 0);
    await expect(go(config, { mode: 'fresh', confirm })).rejects.toThrow('nothing was changed');
    expect(asked).toEqual([expect.stringMatching(/tiny holds an earlier run of "book" at step 3 of 6 \(saved on .* UTC\)$/)]);
    expect(await state()).toEqual(before);
  });

  it('puts the earlier run back if the new one fails, or is stopped before its first step', async () => {
    const record = await readFile(join(run, 'run.json'), 'utf8');
    await expect(go(config.with({ data: { source: join(place, 'absent.txt') } }), { mode: 'fresh' })).rejects.toThrow(/absent\.txt/);
    expect(await readFile(join(run, 'run.json'), 'utf8')).toBe(record);
    await expect(go(config, { mode: 'fresh', signal: AbortSignal.abort() })).rejects.toThrow(/interrupted before any training/);
    expect(await readFile(join(run, 'run.json'), 'utf8')).toBe(record);
    expect(await readdir(run)).not.toContain('earlier-run');
  });

  it('keeps the earlier run until the first checkpoint of the new one', async () => {
    let aside: string[] = [];
    const stop = stopAt(2);
    const reporter = {
      ...stop.reporter,
      step: async (...args: Parameters<typeof stop.reporter.step>) => {
        stop.reporter.step(...args);
        if (args[0].step === 1) aside = await readdir(join(run, 'earlier-run'));
      },
    };
    await go(config, { mode: 'fresh', ...stop, reporter });
    expect(aside).toContain('checkpoints');
    expect(await readdir(run)).not.toContain('earlier-run');
    expect(await readdir(join(run, 'checkpoints'))).toEqual(['step-00000002']);
  });
});

it('a second book of the same name is refused with what the first run was of', async () => {
  await expect(go(config.with({ data: { source: join(place, 'other.txt') } }))).rejects.toThrow(
    /tiny: this folder holds an earlier run of "book" at step 3 of 6 \(saved on .* UTC\); this command trains .*other\.txt: name its run with --set experiment_name=…; if the text is the same, add --resume to go on, or --fresh to start over$/,
  );
});
