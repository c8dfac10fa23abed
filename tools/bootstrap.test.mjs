import { cpSync, mkdtempSync, mkdirSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { explain, fingerprint, linked } from './bootstrap.mjs';
import { npm, packageFolders, quoted, root } from './workspace.mjs';

describe('fingerprint', () => {
  let copy;
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), 'mdiff-fingerprint-'));
    for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...packageFolders().map((folder) => join(folder, 'package.json'))]) {
      mkdirSync(join(copy, file, '..'), { recursive: true });
      cpSync(join(root, file), join(copy, file));
    }
  });
  afterEach(() => rmSync(copy, { recursive: true }));

  test('is the same for the same files, wherever they are', () => {
    expect(fingerprint(copy)).toBe(fingerprint(root));
  });

  test.each(['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', 'packages/text/package.json', 'bench/package.json'])(
    'changes with %s',
    (file) => {
      const before = fingerprint(copy);
      writeFileSync(join(copy, file), `${readFileSync(join(copy, file), 'utf8')}\n`);
      expect(fingerprint(copy)).not.toBe(before);
    },
  );

  test('changes when a package is added', () => {
    const before = fingerprint(copy);
    mkdirSync(join(copy, 'packages/new'));
    writeFileSync(join(copy, 'packages/new/package.json'), '{}');
    expect(fingerprint(copy)).not.toBe(before);
  });
});

test('an install is complete only while every package with dependencies has its links', () => {
  const base = mkdtempSync(join(tmpdir(), 'mdiff-linked-'));
  try {
    mkdirSync(join(base, 'packages/one'), { recursive: true });
    writeFileSync(join(base, 'package.json'), '{}');
    writeFileSync(join(base, 'packages/one/package.json'), '{"dependencies":{"left":"1.0.0"}}');
    expect(linked(base)).toBe(false);
    mkdirSync(join(base, 'packages/one/node_modules'));
    expect(linked(base)).toBe(true);
  } finally {
    rmSync(base, { recursive: true });
  }
});

describe('explain', () => {
  test.each([
    ['npm error code ENOTFOUND', /Connect to the network/],
    ['ERR_PNPM_META_FETCH_FAIL  GET …', /Connect to the network/],
    ['ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with "frozen-lockfile"', /pnpm-lock\.yaml does not match/],
    ['ENOSPC: no space left on device', /disk is full/],
    ["EACCES: permission denied, mkdir '/x'", /cannot be written/],
  ])('%s', (output, advice) => {
    expect(explain(output)).toMatch(advice);
  });

  test('says nothing about a failure it does not know, so that the output is shown', () => {
    expect(explain('something nobody has seen')).toBeUndefined();
  });
});

describe('npm', () => {
  const node = 'C:\\Program Files\\nodejs\\node.exe';
  const script = 'C:\\Program Files\\nodejs\\node_modules\\npm\\bin\\npm-cli.js';

  test.each([
    [
      'the npm that started this script',
      { env: { npm_execpath: '/npm/bin/npm-cli.js' }, node: '/bin/node' },
      ['/bin/node', '/npm/bin/npm-cli.js'],
    ],
    ['the npm on PATH', { env: { npm_execpath: '/yarn.js' }, platform: 'linux' }, ['npm']],
    [
      'on Windows, the JavaScript beside node.exe, which needs no shell',
      { env: {}, platform: 'win32', node, exists: () => true },
      [node, script],
    ],
    ['on Windows without it, npm.cmd', { env: {}, platform: 'win32', node, exists: () => false }, ['npm.cmd']],
  ])('is %s', (_, machine, expected) => {
    expect(npm(machine)).toEqual(expected);
  });

  test('hands cmd.exe each word in quotes', () => {
    expect(quoted(['--dir', 'C:\\my books', 'say "aye"'])).toEqual(['"--dir"', '"C:\\my books"', '"say ""aye"""']);
  });
});
