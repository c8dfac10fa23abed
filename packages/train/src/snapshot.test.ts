import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors } from '@mdiff/folder';
import { readFolder, readFolderWhole } from '@mdiff/folder/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportSnapshot } from './snapshot.js';
import { go, stopAt, tinyRun } from './tiny.test.util.js';

let folder: string;
let run: string;
beforeAll(async () => {
  const { config, folder: home } = await tinyRun({
    training: { ema_decay: 0.9, eval_every: 2, log_every: 1, save_every: 2, causal_fraction: 0 },
  });
  folder = home;
  ({ folder: run } = await go(config, stopAt(3)));
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const options = { dtype: 'float32', graph: true, warn: () => undefined } as const;

it('the newest checkpoint of a run becomes a model folder, and the run is not changed', async () => {
  const before = await readFile(join(run, 'run.json'), 'utf8');
  const out = join(folder, 'whole');
  const { bitsPerByte, tokens, ...at } = await exportSnapshot(run, { ...options, out });
  expect(at).toEqual({ step: 3, steps: 20 });
  expect(tokens).toBeGreaterThan(100);
  const model = await readFolder(out);
  expect(model).toMatchObject({ name: 'tiny', config: { d_model: 16 } });
  const { 'ema.safetensors': ema } = await readFolderWhole(join(run, 'checkpoints', 'step-00000003'));
  expect(readSafetensors(await readFile(join(out, 'model.safetensors'))).tensors).toEqual(readSafetensors(ema!).tensors);
  const card = await readFile(join(out, 'README.md'), 'utf8');
  expect(card).toContain('3 steps of 20, a snapshot in');
  expect(card).toContain(`${bitsPerByte!.toFixed(3)} (an upper bound)`);
  expect(card).toContain('nats/token at step 2 |');
  expect(card).toContain(`| tokens seen | ${tokens} |`);
  expect(card).toContain('npx mdiff generate <this folder>');
  expect(await readFile(join(run, 'run.json'), 'utf8')).toBe(before);
});

it('in 16 bits, weights and graph are the rounded weights in half the bytes; the graph may be left out', async () => {
  const [short, bare] = [join(folder, 'short'), join(folder, 'bare')];
  await exportSnapshot(run, { ...options, out: short, dtype: 'float16' });
  await exportSnapshot(run, { ...options, out: bare, dtype: 'float16', graph: false });
  const size = async (path: string): Promise<number> => (await stat(path)).size;
  for (const file of ['model.safetensors', 'onnx/model.onnx'])
    expect(await size(join(short, file))).toBeLessThan(0.75 * (await size(join(folder, 'whole', file))));
  const [rounded, exact] = await Promise.all(
    [short, join(folder, 'whole')].map(async (path) => readSafetensors(await readFile(join(path, 'model.safetensors'))).tensors),
  );
  for (const [name, { data }] of rounded!)
    data.forEach((value, i) =>
      expect(Math.abs(value - exact!.get(name)!.data[i]!)).toBeLessThanOrEqual(2 ** -11 * Math.abs(exact!.get(name)!.data[i]!) + 2 ** -25),
    );
  expect(Object.keys(await readFolderWhole(bare))).not.toContain('onnx/model.onnx');
  const use = (await readFile(join(bare, 'README.md'), 'utf8')).split('## ')[1];
  expect(use).toContain('--set model.init_from=<this folder>');
  expect(use).not.toMatch(/mdiff (generate|infill|serve)|onnx/);
});

it('a folder without a run is one error', async () => {
  await expect(exportSnapshot(folder, { ...options, out: join(folder, 'none') })).rejects.toThrow(
    /there is no checkpoint to export; give the folder of a run/,
  );
});
