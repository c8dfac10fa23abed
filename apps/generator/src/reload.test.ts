import { cp, mkdtemp, rename, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFolder } from '@mdiff/folder/node';
import { expect, it } from 'vitest';
import { fixture } from './fixture.test.util.js';
import { watchFolder } from './reload.js';

it('loads a folder that changes, once it is whole, and refuses a damaged one', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'mdiff-reload-'));
  const folder = join(parent, 'model');
  await cp(fixture, folder, { recursive: true });
  const seen: string[] = [];
  let tell = (): void => undefined;
  const until = async (count: number): Promise<void> => {
    while (seen.length < count) await new Promise<void>((resolve) => (tell = resolve));
  };
  const report = (line: string): void => {
    seen.push(line);
    tell();
  };
  const stop = watchFolder(folder, {
    load: () => readFolder(folder).then(() => 'whole'),
    onLoaded: report,
    onFault: ({ message }) => report(message.replace(parent, '')),
    interval: 20,
  });
  // Time for the first look, which takes the folder as the one that is served.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await truncate(join(folder, 'onnx/model.onnx'), 100);
  await until(1);
  expect(seen[0]).toMatch(/^\/model\/onnx\/model\.onnx: .*100/);
  await cp(fixture, join(parent, 'next'), { recursive: true });
  await rename(folder, join(parent, 'before'));
  await rename(join(parent, 'next'), folder);
  await until(2);
  while (seen.at(-1) !== 'whole') await until(seen.length + 1);
  stop();
  await rm(parent, { recursive: true });
});
