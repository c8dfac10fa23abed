import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { leafKeys, presetNames } from '@mdiff/config';
import { modelFolders } from './completion.js';
import { run } from './program.js';

/** Words that a shell is offered, and the directive behind them. */
async function complete(...words: string[]): Promise<{ words: string[]; directive: number; code: number | undefined }> {
  const lines: string[] = [];
  const spy = vi.spyOn(console, 'log').mockImplementation((text: string) => void lines.push(...text.split('\n')));
  const io = { out: (text: string) => void lines.push(text), err: (text: string) => void lines.push(text), cwd: '.', env: {} };
  const code = await run(['complete', ...words], io).finally(() => spy.mockRestore());
  return {
    words: lines.filter((line) => !line.startsWith(':')).map((line) => line.split('\t', 1)[0]!),
    directive: Number(lines.find((line) => line.startsWith(':'))?.slice(1)),
    code,
  };
}

it('prints a script for each shell, and refuses another', async () => {
  for (const shell of ['bash', 'zsh', 'fish', 'powershell']) expect((await complete(shell)).words.join('\n')).toContain('mdiff complete');
  const wrong = await complete('tcsh');
  expect(wrong.code).toBe(2);
  expect(wrong.words.join('')).toMatch(/^error: .*'tcsh' is invalid/);
});

it('offers commands, options, presets and keys', async () => {
  expect((await complete('--', 'co')).words).toEqual(['config', 'compare', 'complete']);
  expect((await complete('--', 'data', '')).words).toEqual(expect.arrayContaining(['inspect', 'report']));
  expect((await complete('--', 'train', '--re')).words).toEqual(['--resume']);
  expect((await complete('--', 'generate', '--num')).words).toEqual(['--num-steps']);
  const presets = await complete('--', 'train', '--preset', '');
  expect(presets.words).toEqual(expect.arrayContaining(['quickstart', 'book', 'nano']));
  for (const name of presets.words) expect(presetNames).toContain(name);
  const keys = await complete('--', 'train', '--set', 'training.batch');
  expect(keys).toEqual({
    words: leafKeys()
      .filter((key) => key.startsWith('training.batch'))
      .map((key) => `${key}=`),
    directive: 6,
    code: 0,
  });
  expect((await complete('--', 'config', 'explain', 'see')).words).toEqual(['seed']);
});

it('leaves file names to the shell', async () => {
  expect(await complete('--', 'train', 'boo')).toMatchObject({ words: [], directive: 0 });
  expect(await complete('--', 'train', '--config', '')).toMatchObject({ words: [], directive: 0 });
});

it('finds finished models', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mdiff-complete-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  expect(modelFolders(folder)).toEqual([]);
  for (const name of ['whale', 'unfinished']) mkdirSync(join(folder, 'outputs', name, 'model'), { recursive: true });
  writeFileSync(join(folder, 'outputs/whale/model/manifest.json'), '{}');
  expect(modelFolders(folder)).toEqual(['outputs/whale/model']);
});
