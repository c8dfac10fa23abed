import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

/** Every module that `file` reaches through relative imports, and every package it names on the way. */
function reach(file: string, seen = new Set<string>(), packages = new Set<string>()): Set<string> {
  if (seen.has(file)) return packages;
  seen.add(file);
  for (const [, name] of readFileSync(new URL(file, import.meta.url), 'utf8').matchAll(/(?:from|import\()\s*'([^']+)'/g)) {
    if (name!.startsWith('./')) reach(name!.replace(/\.js$/, '.ts'), seen, packages);
    else packages.add(name!);
  }
  return packages;
}

it('the main entry needs nothing of Node, so that a browser can load it', () => {
  expect([...reach('./index.ts')]).toEqual([]);
  expect([...reach('./sentences.ts')]).toEqual(['sbd']);
  expect([...reach('./node.ts')]).toContain('node:fs/promises');
});
