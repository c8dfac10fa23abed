import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';

const folder = new URL('.', import.meta.url);
const examples = readdirSync(folder)
  .filter((file) => /^\d\d-.*\.ts$/.test(file))
  .sort();

test('have numbers of their own', () => {
  const numbers = examples.map((file) => file.slice(0, 2));
  expect(numbers).toEqual([...new Set(numbers)]);
});

test('show every package that programs are written with', () => {
  const sources = examples.map((file) => readFileSync(new URL(file, folder), 'utf8')).join('\n');
  const rooms = new URL('../packages/', import.meta.url);
  const packages = readdirSync(rooms)
    .filter((room) => existsSync(new URL(`${room}/src`, rooms)))
    .map((room) => JSON.parse(readFileSync(new URL(`${room}/package.json`, rooms), 'utf8')) as { name: string; private?: boolean });
  // Provision downloads and compiles.
  const shown = packages.filter((one) => !one.private && one.name !== '@mdiff/provision');
  expect(shown.length).toBeGreaterThan(14);
  expect(shown.map(({ name }) => name).filter((name) => !sources.includes(`'${name}'`) && !sources.includes(`'${name}/`))).toEqual([]);
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
