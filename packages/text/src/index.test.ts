import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

/** Every module that `file` reaches through relative imports and in packages of mdiff, and every other package it names on the way. */
function reach(file: string, seen = new Set<string>(), packages = new Set<string>()): Set<string> {
  if (seen.has(file)) return packages;
  seen.add(file);
  for (const [, name] of readFileSync(new URL(file), 'utf8').matchAll(/(?:from|import\()\s*'([^']+)'/g)) {
    if (name!.startsWith('.')) reach(new URL(name!.replace(/\.js$/, '.ts'), file).href, seen, packages);
    else if (name!.startsWith('@mdiff/'))
      reach(new URL(`../../${name!.slice('@mdiff/'.length)}/src/index.ts`, import.meta.url).href, seen, packages);
    else packages.add(name!);
  }
  return packages;
}

const entry = (name: string) => new URL(name, import.meta.url).href;

it('the main entry needs nothing of Node, so that a browser can load it', () => {
  expect([...reach(entry('index.ts'))]).toEqual([]);
  expect([...reach(entry('sentences.ts'))]).toEqual(['sbd']);
  expect([...reach(entry('statistics.ts'))]).toEqual(['sbd']);
  expect([...reach(entry('node.ts'))]).toContain('node:fs/promises');
});
