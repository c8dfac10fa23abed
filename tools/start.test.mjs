import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { decide, readState } from './start.mjs';

test.each([
  ['no run yet', { fresh: false, state: undefined, hasModel: false }, 'train'],
  ['interrupted', { fresh: false, state: 'training', hasModel: false }, 'resume'],
  ['interrupted after an earlier export', { fresh: false, state: 'training', hasModel: true }, 'resume'],
  ['trained, but the export did not end', { fresh: false, state: 'finished', hasModel: false }, 'resume'],
  ['finished', { fresh: false, state: 'finished', hasModel: true }, 'generate'],
  ['finished, asked to start over', { fresh: true, state: 'finished', hasModel: true }, 'fresh'],
  ['nothing to start over from', { fresh: true, state: undefined, hasModel: false }, 'fresh'],
])('%s', (_, situation, choice) => {
  expect(decide(situation)).toBe(choice);
});

function runFolder(content) {
  const folder = mkdtempSync(join(tmpdir(), 'mdiff-start-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  if (content !== undefined) writeFileSync(join(folder, 'run.json'), content);
  return folder;
}

test('no record is no run; a record has its state', () => {
  expect(readState(runFolder())).toBeUndefined();
  expect(readState(join(runFolder(), 'absent'))).toBeUndefined();
  expect(readState(runFolder('{"state":"training","step":3,"steps":9}'))).toEqual({ state: 'training', step: 3, steps: 9 });
});

test.each(['{"state":"trai', '', 'null', '{}'])('a damaged record is an error that names the file and the ways on: %j', (content) => {
  const folder = runFolder(content);
  expect(() => readState(folder)).toThrow(
    /run\.json: the record of this run is damaged; nothing was changed; delete this file and run `npm start` again .*`npm start -- --fresh`/,
  );
  expect(readFileSync(join(folder, 'run.json'), 'utf8')).toBe(content);
});

test('a record that cannot be read is an error', () => {
  const folder = runFolder();
  mkdirSync(join(folder, 'run.json'));
  expect(() => readState(folder)).toThrow(/run\.json: cannot read the record of this run \(EISDIR\)/);
});
