import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { estimateMemory } from '@mdiff/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listCheckpoints } from './checkpoint.js';
import { readFolderWhole, sha256 } from '@mdiff/folder/node';
import { facts, go, stopAt, tinyRun } from './tiny.test.util.js';
import { memoryOf } from '@mdiff/engine';
import { readMetrics } from './metrics.js';
import type { RunRecord } from './record.js';
import { silent } from './reporter.js';
import type { Reporter } from './reporter.js';
import type { TrainResult } from './options.js';
import { readSafetensors } from '@mdiff/folder';

let whole: Awaited<ReturnType<typeof tinyRun>>;
let result: TrainResult;
const folders: string[] = [];
beforeAll(async () => {
  whole = await tinyRun();
  folders.push(whole.folder);
  result = await go(whole.config);
}, 60_000);
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

describe('a run', () => {
  it('leaves metrics, checkpoints, a record and a model folder', async () => {
    expect(result).toMatchObject({ finished: true, step: 20, steps: 20 });
    expect((await readdir(result.folder)).sort()).toEqual([
      'checkpoints',
      'config.resolved.yaml',
      'metrics.jsonl',
      'model',
      'run.json',
      'tokenizer.json',
    ]);
    expect(JSON.parse(await readFile(join(result.folder, 'run.json'), 'utf8'))).toMatchObject({ state: 'finished', step: 20, steps: 20 });
    const lines = await readMetrics(join(result.folder, 'metrics.jsonl'));
    expect(lines.map(({ step, objective }) => [step, objective])).toEqual([
      [5, 'causal'],
      [10, 'diffusion'],
      [15, 'diffusion'],
      [20, 'diffusion'],
    ]);
    for (const line of lines)
      for (const key of ['loss', 'lr', 'grad_norm', 'tokens_per_s'] as const) expect(Number.isFinite(line[key]), key).toBe(true);
    expect(lines[1]!.nelbo).toBeGreaterThan(0);
    expect(lines[3]!.nelbo).toBeLessThan(lines[1]!.nelbo!);
    expect(lines[3]!.nelbo).toBe(result.nelbo!.nelbo);
  });

  it('records what it is: text, tokenizer, plan, seed and configuration', async () => {
    const record = JSON.parse(await readFile(join(result.folder, 'run.json'), 'utf8')) as RunRecord;
    const tokenizer = await readFile(join(result.folder, 'tokenizer.json'), 'utf8');
    expect(record).toMatchObject({
      format_version: 2,
      text: { source: whole.book, title: 'book', documents: 1, bytes: expect.any(Number) as number },
      tokenizer: { sha256: sha256(tokenizer) },
      plan: { steps: 20, stages: [{ name: 'text', steps: 20 }] },
      seed: 42,
      config: { seed: 42, 'data.source': whole.book, 'training.max_steps': 20, 'model.vocab_size': record.tokenizer!.size },
    });
    expect(record.text!.sha256).toMatch(/^[0-9a-f]{64}$/);
    const files = await readFolderWhole(join(result.folder, 'checkpoints', 'step-00000020'));
    const { text, plan, config } = record;
    expect(JSON.parse(files['fingerprint.json']!.toString())).toMatchObject({ text, plan, config });
  });

  it('exports exactly the weights of its last checkpoint', async () => {
    const model = await readFolderWhole(join(result.folder, 'model'));
    expect(Object.keys(model).sort()).toEqual([
      'README.md',
      'config.json',
      'config.resolved.yaml',
      'generation_config.json',
      'model.safetensors',
      'onnx/causal.onnx',
      'onnx/model.onnx',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(JSON.parse(model['tokenizer_config.json']!.toString())).toMatchObject({
      clean_up_tokenization_spaces: false,
      mask_token: '[MASK]',
    });
    const last = await readFolderWhole(join(result.folder, 'checkpoints', 'step-00000020'));
    expect(readSafetensors(model['model.safetensors']!).tensors).toEqual(readSafetensors(last['params.safetensors']!).tensors);
    expect(JSON.parse(model['config.json']!.toString())).toMatchObject({
      model_type: 'mdiff',
      format_version: 1,
      shift_head: true,
      d_model: 16,
    });
    expect(model['README.md']!.toString()).toContain(result.nelbo!.bitsPerByte.toFixed(3));
  });

  it('keeps the newest checkpoints, the best, the last, and the one at which the learning rate begins to decay', async () => {
    expect(await listCheckpoints(join(result.folder, 'checkpoints'))).toEqual([8, 10, 15, 20]);
  });

  it('is the same again with the same seed, and another with another', async () => {
    const lines = await readMetrics(join(result.folder, 'metrics.jsonl'));
    const twin = await tinyRun();
    const other = await tinyRun({ seed: 43 });
    folders.push(twin.folder, other.folder);
    const repeated = await go(twin.config);
    expect(facts(await readMetrics(join(repeated.folder, 'metrics.jsonl')))).toEqual(facts(lines));
    const changed = await go(other.config);
    expect((await readMetrics(join(changed.folder, 'metrics.jsonl')))[0]!.loss).not.toBe(lines[0]!.loss);
  });

  it('refuses a folder that holds a run, naming both ways on', async () => {
    await expect(go(whole.config)).rejects.toMatchObject({
      code: 'MDIFF_EXISTS',
      exitCode: 2,
      message: expect.stringMatching(/--resume.*--fresh/) as string,
    });
  });

  it('has nothing to resume in an empty folder', async () => {
    const { config, folder } = await tinyRun();
    folders.push(folder);
    await expect(go(config, { mode: 'resume' })).rejects.toMatchObject({ code: 'MDIFF_EXISTS', exitCode: 2 });
  });
});

describe('next-token prediction alone', () => {
  it('is evaluated by its likelihood, has no NELBO, and writes from left to right', async () => {
    const training = { causal_fraction: 1, max_steps: 6, eval_every: 3, log_every: 3, val_batch_size: 4 };
    const { folder, config } = await tinyRun({ training, generation: { sampler: 'causal' } });
    folders.push(folder);
    const twin = await go(config);
    expect(twin.nelbo).toBeUndefined();
    expect(twin.causalBitsPerByte).toBeGreaterThan(0);
    const lines = await readMetrics(join(twin.folder, 'metrics.jsonl'));
    expect(lines.map(({ objective, nelbo }) => [objective, nelbo])).toEqual([
      ['causal', undefined],
      ['causal', undefined],
    ]);
    expect(lines[1]!.causal_nll).toBeLessThan(lines[0]!.causal_nll!);
    const file = (name: string): Promise<string> => readFile(join(twin.model!, name), 'utf8');
    expect(JSON.parse(await file('config.json'))).toMatchObject({ causal_share: 1 });
    const card = await file('README.md');
    expect(card).toContain('An autoregressive language model');
    expect(card).toContain('the model learnt the next token alone, so the bound means nothing');
    expect(card).not.toContain('mdiff infill');
  });
});

describe('next-token prediction throughout', () => {
  it('alternates evenly, reports both figures, and goes on to the same numbers', async () => {
    const training = { causal_fraction: 0.4, causal_order: 'throughout' as const, max_steps: 10, eval_every: 5, log_every: 5 };
    const [once, again] = [await tinyRun({ training }), await tinyRun({ training })];
    folders.push(once.folder, again.folder);
    const { folder: run, model, causalBitsPerByte } = await go(once.config);
    const lines = await readMetrics(join(run, 'metrics.jsonl'));
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line.objective).toBe('mixed');
      for (const figure of [line.loss, line.causal_loss, line.nelbo, line.causal_nll]) expect(figure).toBeGreaterThan(0);
    }
    expect(await readFile(join(model!, 'README.md'), 'utf8')).toContain(
      `| held-out bits per byte, next-token prediction | ${causalBitsPerByte!.toFixed(3)} (exact for that mode) |`,
    );
    await go(again.config, stopAt(3));
    const { folder: resumed } = await go(again.config, { mode: 'resume' });
    expect(facts(await readMetrics(join(resumed, 'metrics.jsonl')))).toEqual(facts(lines));
  });
});

describe('an interrupted run', () => {
  it('goes on to the same numbers, wherever it stopped', async () => {
    const lines = await readMetrics(join(result.folder, 'metrics.jsonl'));
    const { config, folder } = await tinyRun();
    folders.push(folder);
    expect(await go(config, stopAt(3))).toMatchObject({ finished: false, step: 3 });
    expect(await go(config, { mode: 'resume', ...stopAt(12) })).toMatchObject({ finished: false, step: 12 });
    const end = await go(config, { mode: 'resume' });
    expect(end.finished).toBe(true);
    expect(facts(await readMetrics(join(end.folder, 'metrics.jsonl')))).toEqual(facts(lines));
    const own = await readFile(join(end.model!, 'model.safetensors'));
    expect(own.equals(await readFile(join(result.model!, 'model.safetensors')))).toBe(true);
  });

  it('falls back to an earlier checkpoint when the newest is damaged, and says so', async () => {
    const lines = await readMetrics(join(result.folder, 'metrics.jsonl'));
    const { config, folder } = await tinyRun();
    folders.push(folder);
    const { folder: run } = await go(config, stopAt(12));
    await writeFile(join(run, 'checkpoints', 'step-00000012', 'params.safetensors'), 'rubbish');
    const said: string[] = [];
    await go(config, { mode: 'resume', warn: (text) => said.push(text) });
    expect(said.join()).toContain('step-00000012');
    expect(facts(await readMetrics(join(run, 'metrics.jsonl')))).toEqual(facts(lines));
  });

  it('refuses to go on with another model, naming the key', async () => {
    const { config, folder } = await tinyRun();
    folders.push(folder);
    await go(config, stopAt(2));
    await expect(go(config.with({ model: { d_ff: 40 } }), { mode: 'resume' })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('model.d_ff: expected 32') as string,
    });
  });

  it('starts over with fresh', async () => {
    const { config, folder } = await tinyRun();
    folders.push(folder);
    await go(config, stopAt(7));
    const again = await go(config, { mode: 'fresh', ...stopAt(2) });
    expect(again.step).toBe(2);
    expect(await listCheckpoints(join(again.folder, 'checkpoints'))).toEqual([2]);
  });
});

describe('a finished run that is given more steps', () => {
  it('goes on from before the decay, to the same numbers as a run that was longer from the start', async () => {
    const training = {
      max_steps: 10,
      causal_fraction: 0,
      ema_decay: 0.9,
      save_every: 0,
      eval_every: 0,
      log_every: 1,
      wsd_decay_fraction: 0.4,
    };
    const longer = { training: { max_steps: 15 } };
    const [once, twice] = [await tinyRun({ training: { ...training, ...longer.training } }), await tinyRun({ training })];
    folders.push(once.folder, twice.folder);
    const { folder: whole } = await go(once.config);
    const { folder: run } = await go(twice.config);
    expect(await listCheckpoints(join(run, 'checkpoints'))).toEqual([6, 10]);
    const said: string[] = [];
    const end = await go(twice.config.with(longer), { mode: 'resume', reporter: { ...silent, note: (text) => said.push(text) } });
    expect(said).toContain(
      'the learning rate decays at step 9 in this plan, and the checkpoint of step 10 has decayed since step 6; going back to the checkpoint of step 6, and removing the later ones',
    );
    expect(end).toMatchObject({ finished: true, step: 15 });
    expect(await listCheckpoints(join(run, 'checkpoints'))).toEqual([6, 9, 15]);
    // The text of the early steps is drawn for the plan that the run had then; the rates are the long plan's.
    const lines = await readMetrics(join(run, 'metrics.jsonl'));
    expect(lines.map(({ step, lr }) => [step, lr])).toEqual(
      (await readMetrics(join(whole, 'metrics.jsonl'))).map(({ step, lr }) => [step, lr]),
    );
  });

  it('goes on from the decayed weights where the earlier checkpoint is gone, and says so', async () => {
    const { config, folder } = await tinyRun({
      training: { max_steps: 5, causal_fraction: 0, save_every: 0, eval_every: 0, wsd_decay_fraction: 0.4 },
    });
    folders.push(folder);
    const { folder: run } = await go(config);
    await rm(join(run, 'checkpoints', 'step-00000003'), { recursive: true });
    const warned: string[] = [];
    const end = await go(config.with({ training: { max_steps: 8 } }), { mode: 'resume', warn: (text) => warned.push(text) });
    expect(warned.join()).toContain('the checkpoint of step 3 is gone or damaged, so the run goes on from the decayed weights');
    expect(end).toMatchObject({ finished: true, step: 8 });
  });
});

describe('two runs in one folder', () => {
  it('are refused with one line; the first goes on', async () => {
    const { config, folder } = await tinyRun();
    folders.push(folder);
    let second: Promise<unknown> | undefined;
    const reporter: Reporter = { ...silent, step: () => (second ??= go(config, { mode: 'resume' }).catch((error: unknown) => error)) };
    expect((await go(config, { reporter })).finished).toBe(true);
    expect(await second).toMatchObject({ code: 'MDIFF_LOCKED' });
  });

  it('do not happen after a kill: the lock of a dead process is free', async () => {
    const { config, folder } = await tinyRun();
    folders.push(folder);
    const { folder: run } = await go(config, stopAt(2));
    // SIGKILL leaves a lock directory, and the number of a process that is no more.
    await mkdir(join(run, '.lock'));
    await writeFile(join(run, '.owner'), JSON.stringify({ pid: 2 ** 30, host: hostname() }));
    expect((await go(config, { mode: 'resume' })).finished).toBe(true);
  });
});

describe('engine and device', () => {
  it('refuses an engine that is not here', async () => {
    const { config, folder } = await tinyRun({ engine: 'tfjs_node' });
    folders.push(folder);
    await expect(go(config)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('engine: expected an engine that is installed here, got "tfjs_node"') as string,
    });
  });

  it('refuses a device that was asked for and is not here; falls back from the default with one notice', async () => {
    const { config, folder } = await tinyRun({ device: 'webgpu' });
    folders.push(folder);
    await expect(go(config)).rejects.toMatchObject({
      code: expect.stringContaining('CONFIG') as string,
      message: expect.stringContaining('expected an available device, got "webgpu"') as string,
    });
  });

  it('says what computes it, and records it', async () => {
    const said: string[] = [];
    const { config, folder } = await tinyRun({ training: { max_steps: 2, causal_fraction: 0, use_mixed_precision: true } });
    folders.push(folder);
    const warned: string[] = [];
    const reporter: Reporter = { ...silent, phase: (name, detail) => said.push(`${name}: ${detail}`), note: (text) => said.push(text) };
    const { folder: run } = await go(config, { reporter, warn: (text) => warned.push(text) });
    expect(said[0]).toBe('engine: onnxruntime on cpu, 1 thread, float32');
    expect(said.at(-1)).toMatch(/^memory: estimated 0\.\d\d GB, measured peak \d+\.\d\d GB$/);
    expect(
      warned.filter((text) =>
        text.includes('training.use_mixed_precision: warning: engine "onnxruntime" computes in float32; mixed precision is not applied'),
      ),
    ).toHaveLength(1);
    expect(JSON.parse(await readFile(join(run, 'run.json'), 'utf8'))).toMatchObject({
      engine: 'onnxruntime',
      device: 'cpu',
      threads: 1,
      precision: 'float32',
    });
    const { spent } = JSON.parse(await readFile(join(run, 'run.json'), 'utf8')) as RunRecord;
    expect(said.at(-2)).toMatch(/^time: steps [\d.]+ %, evaluation [\d.]+ %, checkpoints [\d.]+ %, watching [\d.]+ %$/);
    // Two steps, an evaluation after each or the last, and a checkpoint take time; two reported steps may take less than the clock shows.
    const { watching, ...rest } = spent!;
    expect(watching).toBeGreaterThanOrEqual(0);
    for (const [part, seconds] of Object.entries(rest)) expect(seconds, part).toBeGreaterThan(0);
  });

  it('goes on with another engine, and says so', async () => {
    // The reference takes seconds for rows that ONNX Runtime takes milliseconds for: one a step, and few held out.
    const training = { max_steps: 4, batch_size: 1, causal_fraction: 0, log_every: 1, eval_every: 4, val_split: 0.03 };
    const whole = await tinyRun({ training });
    const { config, folder } = await tinyRun({ training });
    folders.push(whole.folder, folder);
    const lines = await readMetrics(join((await go(whole.config)).folder, 'metrics.jsonl'));
    await go(config, stopAt(2));
    const said: string[] = [];
    const end = await go(config.with({ engine: 'tfjs' }), { mode: 'resume', reporter: { ...silent, note: (text) => said.push(text) } });
    expect(said[0]).toBe(
      'until step 2 this run was on onnxruntime on cpu, 1 thread, float32: the following steps continue it up to rounding, not to the bit',
    );
    const own = await readMetrics(join(end.folder, 'metrics.jsonl'));
    expect(own.map(({ step }) => step)).toEqual(lines.map(({ step }) => step));
    // Float32 in another order of summation over two steps: 1e-4 nats.
    own.forEach(({ loss }, i) => expect(loss).toBeCloseTo(lines[i]!.loss, 4));
    expect(JSON.parse(await readFile(join(end.folder, 'run.json'), 'utf8'))).toMatchObject({ state: 'finished', engine: 'tfjs' });
  });

  it('learns the same with the pure tfjs reference engine', async () => {
    const training = { max_steps: 4, batch_size: 1, causal_fraction: 0.5, val_split: 0.03 };
    const { config, folder } = await tinyRun({ engine: 'tfjs', training });
    const twin = await tinyRun({ training });
    folders.push(folder, twin.folder);
    const [a, b] = [await go(config), await go(twin.config)];
    const [lines, twins] = [await readMetrics(join(a.folder, 'metrics.jsonl')), await readMetrics(join(b.folder, 'metrics.jsonl'))];
    // Float32 in another order of summation over four steps: 1e-4 nats.
    lines.forEach((line, i) => {
      expect(line.loss).toBeCloseTo(twins[i]!.loss, 4);
      expect(line.nelbo ?? 0).toBeCloseTo(twins[i]!.nelbo ?? 0, 4);
    });
  });
});

describe('a batch that cannot fit', () => {
  it('is refused before the run starts, and split with fit', async () => {
    const { config: roomy, folder } = await tinyRun({ training: { batch_size: 8, max_steps: 2, causal_fraction: 0 } });
    folders.push(folder);
    // Room for half of the batch and a little; a tenth of the budget stays free.
    const { base, state, perRow } = estimateMemory(
      roomy,
      memoryOf({ engine: 'onnxruntime', precision: 'float32', checkpointing: roomy.training.use_gradient_checkpointing }),
    );
    const config = roomy.with({ hardware: { max_vram_gb: (base + state + 4.5 * perRow) / 0.9e9 } });
    await expect(go(config)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(
        /training\.batch_size: expected a batch that fits .* GB, got an estimated .*--fit applies this/,
      ) as string,
    });
    const { finished, folder: run } = await go(config, { fit: true });
    expect(finished).toBe(true);
    const resolved = await readFile(join(run, 'config.resolved.yaml'), 'utf8');
    const [batch, accumulation] = ['batch_size', 'gradient_accumulation_steps'].map((key) =>
      Number(new RegExp(`^  ${key}: (\\d+)`, 'm').exec(resolved)![1]),
    );
    expect(batch! * accumulation!).toBe(8);
    expect(accumulation).toBeGreaterThan(1);
    const warned: string[] = [];
    await go(roomy, { mode: 'fresh', fit: true, warn: (text) => warned.push(text) });
    expect(warned.filter((text) => text.includes('--fit changes nothing: a batch of 8 needs'))).toHaveLength(1);
  });
});

describe('patience', () => {
  it('ends a stage that no longer improves, and the next begins', async () => {
    const stage = {
      epochs: 2,
      masking_rate_range: [0.05, 0.5] as [number, number],
      data_selection: 'all' as const,
      format_type: 'paragraphs' as const,
    };
    const { config, folder } = await tinyRun({
      curriculum: {
        stages: [
          { name: 'one', ...stage },
          { name: 'two', ...stage },
        ],
      },
      // No epoch can improve by 100 nats: after the first, each is one too many.
      training: { patience: 1, min_delta: 100, max_steps: null, max_epochs: 4, causal_fraction: 0 },
    });
    folders.push(folder);
    const { folder: run, steps } = await go(config);
    const lines = await readMetrics(join(run, 'metrics.jsonl'));
    expect(lines.some(({ stage: name }) => name === 'two')).toBe(true);
    expect(lines.filter(({ stage: name }) => name === 'one').at(-1)!.step).toBeLessThanOrEqual(steps / 2);
  });
});
