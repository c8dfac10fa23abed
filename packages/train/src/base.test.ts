import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectConfig } from '@mdiff/config';
import { places, readSafetensors, writeSafetensors } from '@mdiff/folder';
import { readFolder, readFolderWhole, writeFolderWhole } from '@mdiff/folder/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCheckpoint } from './checkpoint.js';
import { readMetrics } from './metrics.js';
import { silent } from './reporter.js';
import { facts, go, stopAt, tinyModel, tinyRun } from './tiny.test.util.js';

const folders: string[] = [];
const fresh = async (changes: Parameters<typeof tinyRun>[0]): Promise<ProjectConfig> => {
  const { config, folder } = await tinyRun(changes);
  folders.push(folder);
  return config;
};
/** A run whose shape only presets give; that of the tiny run would be set. */
const tuned = async (init_from: string, training: object = {}): Promise<ProjectConfig> => {
  const config = await fresh({ training: { max_steps: 6, causal_fraction: 0, eval_every: 0, save_every: 2, log_every: 2, ...training } });
  return config.with({ experiment_name: 'tuned', model: { init_from } });
};

let base: string;
let config: ProjectConfig;
beforeAll(async () => {
  config = await fresh({ training: { max_steps: 4, causal_fraction: 0, eval_every: 0, save_every: 0 } });
  const { model } = await go(config);
  // The same model with weights of 16 bits and without its graph.
  const { 'model.safetensors': weights, 'onnx/model.onnx': graph, ...files } = await readFolderWhole(model!);
  expect(graph!.length).toBeGreaterThan(0);
  base = join(config.output_dir, 'base');
  await writeFolderWhole(
    base,
    {
      ...files,
      'model.safetensors': writeSafetensors([...readSafetensors(weights!).tensors.values()], {}, 'F16'),
    },
    places.output,
  );
}, 60_000);
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

describe('a run that starts from a model folder', () => {
  it('shows the base before its first step, as a folder that can write, which is removed; a failure there is a warning', async () => {
    const shown: string[] = [];
    const onBase = async ({ model }: { model: string }): Promise<void> => {
      shown.push(model);
      expect((await readFolder(model)).config).toMatchObject({ d_model: 16 });
      throw new Error('no ONNX Runtime here');
    };
    const warnings: string[] = [];
    await go(await tuned(base), { onBase, warn: (text) => warnings.push(text) });
    expect(shown).toHaveLength(1);
    expect(existsSync(shown[0]!)).toBe(false);
    expect(warnings).toContain(`no sample of ${base}: no ONNX Runtime here`);
  });

  it('starts from its weights, averages included, with zero moments, and says so on its card and in run.json', async () => {
    const said: string[] = [];
    const run = await tuned(base, { ema_decay: 0.9, keep_checkpoints: 10 });
    const { folder, model } = await go(run, { reporter: { ...silent, note: (text) => said.push(text) } });
    const { tensors } = readSafetensors(await readFile(join(base, 'model.safetensors')));
    const start = await readFolderWhole(join(folder, 'checkpoints', 'step-00000000'));
    for (const name of ['params', 'ema']) expect(readSafetensors(start[`${name}.safetensors`]!).tensors).toEqual(tensors);
    for (const name of ['adam_m', 'adam_v'])
      for (const { data } of readSafetensors(start[`${name}.safetensors`]!).tensors.values())
        expect(data.every((value) => value === 0)).toBe(true);
    expect(said).toContainEqual(expect.stringMatching(/^starting from .*base \(weights sha256 [0-9a-f]{12}…\)$/));
    const record = JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')) as { base: { sha256: string } };
    expect(record).toMatchObject({ base: { name: base, card: { text: 'book' } } });
    const card = await readFile(join(model!, 'README.md'), 'utf8');
    expect(card).toContain(`trained further from ${base} (weights sha256 ${record.base.sha256}) on book`);
    expect(card).toContain(`| base | ${base}; text: book; 4 steps in`);
    // The model folder does not say where on this machine its base was.
    expect(await readFile(join(model!, 'config.json'), 'utf8')).not.toContain('init_from');
    expect(await readFile(join(folder, 'tokenizer.json'), 'utf8')).toBe(await readFile(join(base, 'tokenizer.json'), 'utf8'));
  });

  it('is resumed without the folder, to the same numbers; a base of another text is fine-tuned', async () => {
    const copy = join(config.output_dir, 'copy');
    const { 'README.md': card, ...files } = await readFolderWhole(base);
    const other = Buffer.from(String(card).replace('| text | book |', '| text | another book |'));
    await writeFolderWhole(copy, { ...files, 'README.md': other }, places.output);
    const { folder: whole, model } = await go(await tuned(copy));
    expect(await readFile(join(model!, 'README.md'), 'utf8')).toContain(`fine-tuned from ${copy} (weights sha256 `);
    const stopped = await tuned(copy);
    await go(stopped, stopAt(1));
    await rm(copy, { recursive: true });
    const { folder } = await go(stopped, { mode: 'resume' });
    expect(facts(await readMetrics(join(folder, 'metrics.jsonl')))).toEqual(facts(await readMetrics(join(whole, 'metrics.jsonl'))));
  });

  it('has the loss of its base from the first step on, with every engine', async () => {
    const lines = await Promise.all(
      (['onnxruntime', 'tfjs'] as const).map(async (engine) => {
        const { folder } = await go((await tuned(base, { max_steps: 1, log_every: 1 })).with({ engine }));
        return (await readMetrics(join(folder, 'metrics.jsonl')))[0]!;
      }),
    );
    // The mean over the four steps that made the base.
    const [before] = await readMetrics(join(config.output_dir, config.experiment_name, 'metrics.jsonl'));
    expect(lines[0]!.loss).toBeLessThan(before!.loss - 0.1);
    // Float32 in another order of summation over one step: 1e-4 nats.
    expect(lines[1]!.loss).toBeCloseTo(lines[0]!.loss, 4);
  });

  it('may have shorter rows', async () => {
    const run = (await tuned(base, { max_steps: 1 })).with({ model: { max_seq_len: 32 } });
    const { folder } = await go(run);
    expect(
      (await loadCheckpoint(join(folder, 'checkpoints'), 1, (await import('@mdiff/model')).layout(run.model))).progress.model,
    ).toMatchObject({
      ...tinyModel,
      vocab_size: expect.any(Number) as number,
      max_seq_len: 32,
    });
  });

  it('is refused with one error that names both places', async () => {
    await expect(go((await tuned(base)).with({ model: { d_ff: 40 } }))).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(
        /^code model\.d_ff: expected 32 \(model\.init_from ".*"\), got 40; leave it out, or set model\.init_from: null to start from random weights; see code model\.init_from$/,
      ) as string,
    });
  });
});
