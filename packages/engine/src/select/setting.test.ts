import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProjectConfig } from '@mdiff/config';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EngineName, EngineSetting } from '../devices.js';
import type { NativeTensorFlow } from '../tensorflow/locate.js';
import { forgetTrials } from './fastest.js';
import type { MeasureStep } from './fastest.js';
import type { InstalledEngines } from './select.js';
import { describeTimes, selectSetting } from './setting.js';
import type { SettingOptions, SettingSelection } from './setting.js';
import { runStepTrial } from './trial.js';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'mdiff-setting-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => forgetTrials(folder));

const library: NativeTensorFlow = { folder: '/cache/cpu', package: 'tfjs-node', version: '4.22.0', variant: 'cpu', from: 'cache_dir' };
const npmOnly: InstalledEngines = { devices: { onnxruntime: ['cpu'], tfjs_node: [], tfjs: ['cpu'] }, tensorflow: {}, driver: false };
const native: InstalledEngines = {
  ...npmOnly,
  devices: { ...npmOnly.devices, tfjs_node: ['cpu'] },
  tensorflow: { cpu: library },
};
const gpu: InstalledEngines = {
  devices: { ...native.devices, tfjs_node: ['cuda', 'cpu'] },
  tensorflow: { cpu: library, cuda: { ...library, variant: 'cuda' } },
  driver: true,
};

const asked = (set: Record<string, unknown> = {}): ProjectConfig =>
  ProjectConfig.preset('fast_debug')
    .with({ cache_dir: folder, device: 'auto', hardware: { cpu_threads: 2 }, training: { use_mixed_precision: true } })
    .with(set);

const nameOf = ({ engine, precision, threads, products }: EngineSetting): string =>
  `${engine} ${precision} ${threads}${products ? ` ${products}` : ''}`;

/** Trials with these times in ms (a string: why it does not run), and a record of them. */
function machine(times: Record<string, number | string>): { measure: MeasureStep; tried: string[] } {
  const tried: string[] = [];
  const measure: MeasureStep = ({ setting }) => {
    tried.push(nameOf(setting));
    const time = times[nameOf(setting)]!;
    return Promise.resolve(typeof time === 'number' ? { ms: time } : { reason: time });
  };
  return { measure, tried };
}

const select = (config: ProjectConfig, options: SettingOptions): Promise<SettingSelection> =>
  selectSetting(config, { installed: native, bf16: true, cores: 2, ...options });
const codes = ({ notices }: SettingSelection): string[] => notices.map(({ code, path, message }) => `${code} ${path}: ${message}`);

describe('selectSetting', () => {
  it.each([
    ['bfloat16 where it is fastest', { bf16: 50, float: 90, onnx: 100 }, 'tfjs_node bfloat16 2'],
    ['float32 of native TensorFlow where that is', { bf16: 120, float: 90, onnx: 100 }, 'tfjs_node float32 2'],
    ['ONNX Runtime where that is', { bf16: 120, float: 110, onnx: 100 }, 'onnxruntime float32 2'],
    ['float32 where bfloat16 gains nothing to speak of', { bf16: 98, float: 120, onnx: 100 }, 'onnxruntime float32 2'],
    ['float32 where bfloat16 does not work', { bf16: 'no symbol', float: 90, onnx: 100 }, 'tfjs_node float32 2'],
    ['an installed engine that does not work, so that the run says why', { bf16: 'a', float: 'b', onnx: 100 }, 'tfjs_node bfloat16 2'],
  ] as const)('takes %s', async (_, { bf16, float, onnx }, expected) => {
    const { measure, tried } = machine({ 'tfjs_node bfloat16 2': bf16, 'tfjs_node float32 2': float, 'onnxruntime float32 2': onnx });
    const selection = await select(asked(), { measure });
    expect(nameOf(selection.setting)).toBe(expected);
    expect(tried).toEqual(['tfjs_node bfloat16 2', 'tfjs_node float32 2', 'onnxruntime float32 2']);
    expect(selection.tensorflow).toEqual(selection.setting.engine === 'tfjs_node' ? library : undefined);
  });

  it.each([
    ['kernels on AVX512-BF16', [60, 50, 70, 80, 90], 'tfjs_node bfloat16 2 avx512_bf16'],
    ["TensorFlow's products in bfloat16", [50, 60, 70, 80, 90], 'tfjs_node bfloat16 2 tensorflow'],
    ['kernels on AVX-512 in float32', [90, 80, 60, 50, 70], 'tfjs_node float32 2 avx512'],
    ["TensorFlow's products in float32", [90, 80, 50, 60, 70], 'tfjs_node float32 2 tensorflow'],
    ['ONNX Runtime', [90, 80, 60, 70, 50], 'onnxruntime float32 2'],
  ] as const)('takes %s where they are fastest', async (_, times, expected) => {
    const names = [
      'tfjs_node bfloat16 2 tensorflow',
      'tfjs_node bfloat16 2 avx512_bf16',
      'tfjs_node float32 2 tensorflow',
      'tfjs_node float32 2 avx512',
      'onnxruntime float32 2',
    ];
    const { measure, tried } = machine(Object.fromEntries(names.map((name, i) => [name, times[i]!])));
    expect(nameOf((await select(asked(), { variants: ['avx512_bf16', 'avx512', 'avx2'], measure })).setting)).toBe(expected);
    expect(tried).toEqual(names);
  });

  it('goes on with the products of a run that is resumed', async () => {
    const variants = ['avx512', 'avx2'] as const;
    const recorded = { engine: 'tfjs_node', device: 'cpu', precision: 'float32', threads: 2, products: 'tensorflow' } as const;
    const { measure, tried } = machine({});
    const { setting } = await select(asked(), { bf16: false, variants, recorded, measure });
    expect([nameOf(setting), tried]).toEqual(['tfjs_node float32 2 tensorflow', []]);
  });

  it('says that mixed precision does not pay, with the times, where it was left out for them', async () => {
    const { measure } = machine({ 'tfjs_node bfloat16 2': 'no symbol', 'tfjs_node float32 2': 90.25, 'onnxruntime float32 2': 120 });
    expect(codes(await select(asked(), { measure }))).toEqual([
      'N1 training.use_mixed_precision: engine "tfjs_node" computes in float32, because mixed precision is not faster here (a training step: ' +
        'tfjs_node float32 90 ms, onnxruntime float32 120 ms, tfjs_node bfloat16 does not work (no symbol)); mixed precision is not applied',
    ]);
  });

  it('tries nothing where the configuration and the machine leave one setting', async () => {
    const { measure, tried } = machine({});
    const single = async (config: ProjectConfig, options: SettingOptions): Promise<string> =>
      nameOf((await select(config, { measure, ...options })).setting);
    expect(await single(asked(), { installed: npmOnly })).toBe('onnxruntime float32 2');
    expect(await single(asked({ engine: 'onnxruntime' }), {})).toBe('onnxruntime float32 2');
    expect(await single(asked({ engine: 'tfjs' }), {})).toBe('tfjs float32 1');
    expect(await single(asked({ engine: 'tfjs_node', training: { use_mixed_precision: false } }), {})).toBe('tfjs_node float32 2');
    expect(await single(asked(), { installed: gpu })).toBe('tfjs_node bfloat16 2');
    expect(tried).toEqual([]);
  });

  it('tries one thread for each core and for each hardware thread, where they differ and the configuration does not say', async () => {
    const all = (await selectSetting(asked({ hardware: { cpu_threads: 0 } }), { installed: npmOnly })).setting.threads;
    const cores = all - 1; // a machine of one thread has one setting
    const { measure, tried } = machine({ [`onnxruntime float32 ${all}`]: 100, [`onnxruntime float32 ${cores}`]: 90 });
    const { setting } = await select(asked({ hardware: { cpu_threads: 0 } }), { installed: npmOnly, cores: Math.max(1, cores), measure });
    expect(setting.threads).toBe(Math.max(1, cores));
    expect(tried.length).toBe(all > 1 ? 2 : 0);
  });

  it('measures once, and again when what decides a trial has changed', async () => {
    const times = { 'tfjs_node bfloat16 2': 120, 'tfjs_node float32 2': 110, 'onnxruntime float32 2': 100 };
    const { measure, tried } = machine(times);
    await select(asked(), { measure });
    expect(nameOf((await select(asked(), {})).setting)).toBe('onnxruntime float32 2');
    expect((await select(asked(), { measure })).times).toHaveLength(3);
    expect(tried).toHaveLength(3);
    await select(asked({ model: { d_model: 192 } }), { measure });
    expect(tried).toHaveLength(6);
  });

  it('keeps no trial of an engine that does not work: it is mended and tried again', async () => {
    const broken = machine({ 'tfjs_node bfloat16 2': 'no symbol', 'tfjs_node float32 2': 'no symbol', 'onnxruntime float32 2': 100 });
    await select(asked(), { measure: broken.measure });
    const mended = machine({ 'tfjs_node bfloat16 2': 120, 'tfjs_node float32 2': 110, 'onnxruntime float32 2': 100 });
    expect(nameOf((await select(asked(), { measure: mended.measure })).setting)).toBe('onnxruntime float32 2');
    expect(mended.tried).toHaveLength(3);
  });

  it('measures again after a damaged record, and without a record takes the order of preference', async () => {
    const { measure, tried } = machine({ 'tfjs_node bfloat16 2': 120, 'tfjs_node float32 2': 110, 'onnxruntime float32 2': 100 });
    await select(asked(), { measure });
    const record = join(folder, 'engine-trials.json');
    for (const text of ['', '{', 'null', '[]', (await readFile(record, 'utf8')).replaceAll('"ms"', '"m"')]) {
      await writeFile(record, text);
      expect(nameOf((await select(asked(), {})).setting), text.slice(0, 10)).toBe('tfjs_node bfloat16 2');
      expect((await select(asked(), {})).times).toBeUndefined();
    }
    expect(nameOf((await select(asked(), { measure })).setting)).toBe('onnxruntime float32 2');
    expect(tried).toHaveLength(6);
  });

  it('stays with the setting of a run that is resumed, if the configuration leaves it open', async () => {
    const times = { 'tfjs_node bfloat16 2': 120, 'tfjs_node float32 2': 110, 'onnxruntime float32 2': 100 };
    const recorded = { engine: 'tfjs_node', device: 'cpu', precision: 'float32', threads: 2 } as const;
    const resumed = async (config: ProjectConfig, run: Partial<EngineSetting> | undefined): Promise<string> =>
      nameOf((await select(config, { measure: machine(times).measure, recorded: run })).setting);
    expect(await resumed(asked(), recorded)).toBe('tfjs_node float32 2');
    expect(await resumed(asked({ engine: 'onnxruntime' }), recorded)).toBe('onnxruntime float32 2');
    expect(await resumed(asked(), { ...recorded, threads: 8 })).toBe('onnxruntime float32 2');
    expect(await resumed(asked(), {})).toBe('onnxruntime float32 2');
  });
});

describe('mixed precision', () => {
  const on = async (engine: EngineName, installed: InstalledEngines, bf16: boolean, config = asked()): Promise<[string, string[]]> => {
    const selection = await select(config.with({ engine }), { installed, bf16 });
    return [selection.setting.precision, codes(selection)];
  };

  it('is bfloat16 where the engine and the processor, or the GPU, have it', async () => {
    expect(await on('tfjs_node', native, true)).toEqual(['bfloat16', []]);
    expect(await on('tfjs_node', gpu, false)).toEqual(['bfloat16', []]);
  });

  it('is tried without being asked for in the presets of a book, which say nothing where the machine has none', async () => {
    for (const name of ['quickstart', 'quickstart_scratch', 'book', 'book_scratch', 'pretrain'] as const) {
      const preset = ProjectConfig.preset(name).with({ cache_dir: folder });
      expect(await on('tfjs_node', native, true, preset), name).toEqual(['bfloat16', []]);
      expect(await on('onnxruntime', native, true, preset), name).toEqual(['float32', []]);
    }
  });

  it('is float32 elsewhere, with one notice that cites the key', async () => {
    expect(await on('onnxruntime', native, true)).toEqual([
      'float32',
      ['N1 training.use_mixed_precision: engine "onnxruntime" computes in float32; mixed precision is not applied'],
    ]);
    expect((await on('tfjs', native, true))[0]).toBe('float32');
    expect(await on('tfjs_node', native, false)).toEqual([
      'float32',
      [expect.stringContaining('engine "tfjs_node" computes in float32 on this processor; mixed precision is not applied')],
    ]);
  });

  it('is float32 without a notice if mixed precision is off', async () => {
    const plain = asked({ training: { use_mixed_precision: false } });
    expect(await on('tfjs_node', native, true, plain)).toEqual(['float32', []]);
    expect(await on('onnxruntime', native, true, plain)).toEqual(['float32', []]);
  });
});

describe('runStepTrial', () => {
  it('times a training step of ONNX Runtime', async () => {
    const model = asked({ model: { d_model: 16, n_heads: 2, n_layers: 1, d_ff: 32, vocab_size: 300, max_seq_len: 32 } }).model;
    const setting = { engine: 'onnxruntime', device: 'cpu', threads: 1, precision: 'float32' } as const;
    expect(await runStepTrial({ setting, model })).toEqual({ ms: expect.any(Number) as number });
    expect(describeTimes([{ setting, time: { ms: 1234.5 } }])).toBe('onnxruntime float32 1,235 ms');
    expect(describeTimes([{ setting, time: { ms: 8.25 } }])).toBe('onnxruntime float32 8.3 ms');
    const fused = { setting: { ...setting, engine: 'tfjs_node', products: 'avx512' }, time: { ms: 5 } } as const;
    expect(describeTimes([fused])).toBe('tfjs_node float32 by AVX-512 5.0 ms');
  });
});
