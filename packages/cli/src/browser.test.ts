import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openInBrowser, opener } from './browser.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mdiff-browser-'));
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH']}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const program = (lines: string): void => {
  writeFileSync(join(folder, 'xdg-open'), `#!/bin/sh\n${lines}\n`);
  chmodSync(join(folder, 'xdg-open'), 0o755);
};
const desktop = { platform: 'linux', env: { DISPLAY: ':0' } } as const;

it('asks the program of the platform, and none where there is no screen', () => {
  expect(opener({ platform: 'darwin', env: {} })).toEqual(['open']);
  expect(opener({ platform: 'win32', env: {} })).toEqual(['rundll32', 'url.dll,FileProtocolHandler']);
  expect(opener({ platform: 'linux', env: { WAYLAND_DISPLAY: 'wayland-0' } })).toEqual(['xdg-open']);
  expect(opener({ platform: 'linux', env: { DISPLAY: '' } })).toBeNull();
});

it('hands the address over as one argument, which no shell reads', async () => {
  program(`printf '%s\\n' "$#" "$1" > "${folder}/told"`);
  expect(await openInBrowser(`http://127.0.0.1:1/?a=$(touch ${folder}/hacked);&b="c"`, desktop)).toBe(true);
  expect(readFileSync(join(folder, 'told'), 'utf8')).toMatch(/^1\nhttp:\/\/127\.0\.0\.1:1\/\?a=\$\(touch%20/);
  expect(existsSync(join(folder, 'hacked'))).toBe(false);
});

it('says that it could not', async () => {
  program('exit 3');
  expect(await openInBrowser('http://127.0.0.1:1/', desktop)).toBe(false);
  vi.stubEnv('PATH', folder);
  rmSync(join(folder, 'xdg-open'));
  expect(await openInBrowser('http://127.0.0.1:1/', desktop)).toBe(false);
  expect(await openInBrowser('http://127.0.0.1:1/', { platform: 'linux', env: {} })).toBe(false);
});
