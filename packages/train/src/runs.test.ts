import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectConfig } from '@mdiff/config';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeRun, findResumed, nameOfText, named } from './runs.js';

describe('the name of a run', () => {
  it.each([
    ['builtin:moby-dick', 'moby-dick'],
    ['/home/me/Der Zauberberg.txt', 'Der-Zauberberg'],
    ['books/Æsop’s Fables (1912).epub', 'sop-s-Fables-1912'],
    ['Les Misérables.pdf', 'Les-Miserables'],
    ['-', 'stdin'],
    ['letters/*.txt', 'letters'],
    ['/home/me/shelf/{a.txt,b/**}', 'shelf'],

    ['shelf.tar.xz', 'shelf'],
    [`${'long-'.repeat(30)}.txt`, 'long-long-long-long-long-long-long-long-long-long-long-long-long'],
  ])('comes from its text: %s', (source, name) => {
    expect(nameOfText(source)).toBe(name);
    expect(projectConfig({ experiment_name: name }).experiment_name).toBe(name);
  });

  it('is another one for another book, also in an alphabet that a name cannot hold', () => {
    const names = ['Война и мир.txt', 'Преступление и наказание.txt'].map(nameOfText);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^text-[0-9a-f]{8}$/);
  });

  it('is the one that a layer sets, even if that is the default', () => {
    const data = { source: 'tale.txt' };
    expect(named(projectConfig({ data })).experiment_name).toBe('tale');
    expect(named(projectConfig({ data, experiment_name: 'micro-diffusion' })).experiment_name).toBe('micro-diffusion');
  });
});

it('a run is described by its text, its steps, its state and its date', () => {
  expect(describeRun({ step: 3 })).toBe('at step 3');
  const record = { format_version: 1, state: 'finished', step: 20, steps: 20, seconds: 4, updated: '2026-11-29T17:18:19.487Z' } as never;
  expect(describeRun({ step: 20, record })).toBe('at step 20 of 20 (finished on 2026-11-29 17:18 UTC)');
});

it('a run that is not there is an error that names those that are', async () => {
  const output_dir = await mkdtemp(join(tmpdir(), 'mdiff-runs-'));
  onTestFinished(() => rm(output_dir, { recursive: true }));
  const configurationOf = (source?: string) => projectConfig({ output_dir, ...(source !== undefined && { data: { source } }) });
  const failure = (name?: string): Promise<string> =>
    findResumed(configurationOf, { name, text: name }).then(String, (error: Error) => error.message);
  const none = 'there is no run to resume; leave --resume out to start one';
  expect(await failure('tale.txt')).toBe(`${join(output_dir, 'tale')}: ${none}`);
  expect(await failure()).toBe(`${output_dir}: ${none}`);
  await mkdir(join(output_dir, 'other', 'checkpoints', 'step-00000002'), { recursive: true });
  expect(await failure('tale.txt')).toBe(`${join(output_dir, 'tale')}: ${none}, or name one that is there: other`);
  expect(await findResumed(configurationOf, { name: 'other' })).toMatchObject({ folder: join(output_dir, 'other'), isText: false });
  // A run that was put aside is there.
  await mkdir(join(output_dir, 'tale', 'earlier-run', 'checkpoints'), { recursive: true });
  expect(await findResumed(configurationOf, { name: 'tale.txt', text: 'tale.txt' })).toMatchObject({ folder: join(output_dir, 'tale') });
});
