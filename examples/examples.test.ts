import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';

const folder = new URL('.', import.meta.url);
const examples = readdirSync(folder)
  .filter((file) => /^\d\d-.*\.ts$/.test(file))
  .sort();

test('have numbers of their own', () => {
  const numbers = examples.map((file) => file.slice(0, 2));
  expect(numbers).toEqual([...new Set(numbers)]);
});

describe.each(examples)('%s', (file) => {
  const source = readFileSync(new URL(file, folder), 'utf8');

  test('has at most 40 lines of code, and says what it prints', () => {
    const [code, printed] = source.split('\n// Prints:\n');
    expect(code!.split('\n').length).toBeLessThanOrEqual(40);
    expect(printed).toMatch(/^\/\/ ./);
  });

  test('prints what it says', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await import(/* @vite-ignore */ new URL(file, folder).href);
    const lines = log.mock.calls.map((parts) => parts.map(String).join(' '));
    log.mockRestore();
    const said = source
      .split('\n// Prints:\n')[1]!
      .trimEnd()
      .split('\n')
      .map((line) => line.slice('// '.length));
    expect(lines).toEqual(said);
  });
});
