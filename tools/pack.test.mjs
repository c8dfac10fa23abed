import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { request } from './pack.mjs';
import { closure } from './workspace.mjs';

const all = [
  { path: 'packages/a', name: 'a', dependencies: { b: '^1.0.0', commander: '^14.0.0' } },
  { path: 'packages/b', name: 'b', dependencies: { c: '^1.0.0' } },
  { path: 'packages/c', name: 'c' },
  { path: 'packages/d', name: 'd', dependencies: { a: '^1.0.0' } },
];

test('a package comes with those that it depends on, and those that they do', () => {
  expect(closure(['a'], all).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  expect(closure(['c'], all).map(({ name }) => name)).toEqual(['c']);
});

test('a request names packages and a new folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mdiff-pack-'));
  try {
    expect(request(['a', 'b', '../out'], '/home/reader', all)).toEqual({ names: ['a', 'b'], target: '/home/out' });
    expect(request(['a', folder], '/', all).target).toBe(folder);
    expect(() => request(['a', 'b'], '/', all)).toThrow('usage: npm run pack');
    expect(() => request(['../out'], '/', all)).toThrow('usage: npm run pack');
    expect(() => request(['z', '../out'], '/', all)).toThrow('z is no package of mdiff that is published; expected a, b, c, d');
    writeFileSync(join(folder, 'old.tgz'), '');
    expect(() => request(['a', folder], '/', all)).toThrow(`${folder} is not empty; name a new folder`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
