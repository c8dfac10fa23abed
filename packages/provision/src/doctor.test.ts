import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ProjectConfig } from '@mdiff/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chosenSetting, examineEngines, listEngines } from './doctor.js';
import { kernelsOf, places } from '@mdiff/engine';
import { ADDON, engineFolder, locateTensorFlow } from '@mdiff/engine';
import { launcherEnvironment } from '@mdiff/engine';
import type { NativeTensorFlow } from '@mdiff/engine';
import { runTrial } from '@mdiff/engine';
import type { MeasureStep, Trial, TrialOutcome } from '@mdiff/engine';

let folder: string;
let found: NativeTensorFlow;

/** A cache folder that does not exist. */
const nowhere = (): string => join(folder, 'nowhere');

const put = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-doctor-'));
  const at = engineFolder(folder, 'cpu');
  // A package whose library brings its process down.
  await put(join(at, 'package.json'), '{ "name": "@tensorflow/tfjs-node", "version": "4.22.0", "main": "index.js" }');
  await put(
    join(at, 'index.js'),
    'process.stderr.write("undefined symbol\\n"); process.kill(process.pid, "SIGSEGV"); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10000);',
  );
  await put(join(at, ADDON), '');
  found = locateTensorFlow({ cacheDir: folder, device: 'cpu', env: {} })!;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const config = (cacheDir: string, set: object = {}): ProjectConfig =>
  ProjectConfig.preset('default').with({ cache_dir: cacheDir, device: 'auto', ...set });
/** Every setting takes the same time. */
const equal: MeasureStep = () => Promise.resolve({ ms: 1 });
const works = (gflops: number): TrialOutcome => ({ ok: true, report: { version: '1.0', device: 'cpu', gflops, error: 1e-7, start: 5 } });

describe('listEngines', () => {
  it('says of each engine where it is, or how to get it', () => {
    const rows = (cacheDir: string): unknown[] =>
      listEngines(cacheDir, {}).map(({ engine, device, installed }) => [engine, device, installed]);
    expect(rows(nowhere())).toEqual([
      ['onnxruntime', 'cpu', true],
      ['onnxruntime', 'webgpu', true],
      ['tfjs_node', 'cpu', false],
      ['tfjs_node', 'cuda', false],
      ['tfjs', 'cpu', true],
    ]);
    expect(rows(folder)[2]).toEqual(['tfjs_node', 'cpu', true]);
    // The same table that a run selects from.
    expect(listEngines(nowhere(), {}).map(({ engine, device }) => ({ engine, device }))).toEqual(places);
    expect(listEngines(nowhere(), {})[2]!.detail).toContain('run "mdiff engine install tensorflow" (274 MB to download');
    expect(listEngines(folder, {})[2]!.detail).toContain(`${engineFolder(folder, 'cpu')} (cache_dir)`);
  });
});

describe('examineEngines', () => {
  it('tries what is installed, in both precisions, and says what is missing', async () => {
    const asked: string[] = [];
    const report = (trial: Trial): Promise<TrialOutcome> => {
      asked.push(`${trial.engine} ${'device' in trial ? trial.device : ''}${'bf16' in trial && trial.bf16 ? ' bf16' : ''}`.trim());
      if ('device' in trial && trial.device === 'webgpu')
        return Promise.resolve({ ok: false, reason: '/a/b.cc:136 some::name() x was false. No supported adapters' });
      return Promise.resolve(works('bf16' in trial && trial.bf16 ? 900 : 100));
    };
    const times: Record<string, number> = { 'tfjs_node bfloat16': 30, 'tfjs_node float32': 20, 'onnxruntime float32': 10 };
    const measure: MeasureStep = ({ setting: { engine, precision } }) => Promise.resolve({ ms: times[`${engine} ${precision}`]! });
    const { engines, chosen, processor, ...diagnosis } = await examineEngines({
      config: config(folder),
      env: { MDIFF_WEBGPU: '' },
      run: report,
      measure,
    });
    expect(asked).toEqual([
      'onnxruntime cpu',
      'onnxruntime webgpu',
      'tfjs',
      'tensorflow cpu',
      ...(processor.bf16 ? ['tensorflow cpu bf16'] : []),
    ]);
    // A fake trial decides: ONNX Runtime is the faster one here.
    expect(chosen).toMatchObject({ engine: 'onnxruntime', device: 'cpu', precision: 'float32' });
    expect(diagnosis.times).toHaveLength(processor.bf16 ? 3 : 2);
    expect(engines.map(({ engine, device, state }) => [engine, device, state])).toEqual([
      ['onnxruntime', 'cpu', 'works'],
      ['onnxruntime', 'webgpu', 'broken'],
      ['tfjs_node', 'cpu', 'works'],
      ['tfjs_node', 'cuda', 'absent'],
      ['tfjs', 'cpu', 'works'],
    ]);
    expect(engines[1]!.reason).toMatch(/^ONNX Runtime got no WebGPU device: No supported adapters; it needs a GPU/);
    expect(engines[2]).toMatchObject({
      folder: found.folder,
      gflops: { float32: 100, ...(processor.bf16 && { bfloat16: 900 }) },
      kernels: expect.stringMatching(/^absent: never compiled/) as string,
    });
    expect(engines[3]!.reason).toContain('run "mdiff engine install tensorflow --cuda"');
  });

  it('calls a wrong product what it is, and leaves the choice as a run would make it', async () => {
    const wrong = (): Promise<TrialOutcome> =>
      Promise.resolve({ ok: true, report: { version: '1.0', device: 'cpu', error: 0.5, start: 5 } });
    const { engines, chosen } = await examineEngines({ config: config(nowhere()), env: { MDIFF_WEBGPU: '' }, run: wrong, measure: equal });
    expect(engines[0]).toMatchObject({ state: 'broken', reason: 'a product is off by 0.5' });
    expect(chosen).toMatchObject({ engine: 'onnxruntime', device: 'cpu' });
    expect((await chosenSetting(config(nowhere(), { engine: 'tfjs_node' }))).chosen).toEqual({
      refused: expect.stringContaining('engine: expected an engine that is installed here, got "tfjs_node"') as string,
    });
  });
});

describe('WebGPU in the report', () => {
  it('is said to be a software device where no GPU computes', async () => {
    const report = (hardware: boolean) => (): Promise<TrialOutcome> =>
      Promise.resolve({ ok: true, report: { version: '1.0', device: 'gpu', hardware, error: 1e-7, start: 5 } });
    for (const hardware of [false, true]) {
      const { engines } = await examineEngines({
        config: config(nowhere()),
        env: { MDIFF_WEBGPU: '' },
        run: report(hardware),
        measure: equal,
      });
      expect(engines[1]).toMatchObject({ device: 'webgpu', state: 'works', ...(!hardware && { software: true }) });
      expect(engines[1]!.software).toBe(hardware ? undefined : true);
    }
  });
});

describe('a CUDA library that finds no GPU', () => {
  it('is not said to work, and what is missing is', async () => {
    const at = engineFolder(folder, 'cuda');
    await put(join(at, 'package.json'), '{ "name": "@tensorflow/tfjs-node-gpu", "version": "4.22.0", "main": "index.js" }');
    await put(join(at, 'index.js'), '');
    await put(join(at, ADDON), '');
    const onProcessor = (): Promise<TrialOutcome> =>
      Promise.resolve({ ok: true, report: { version: '2.21.0', device: 'cpu', error: 1e-7, start: 5 } });
    const { engines } = await examineEngines({ config: config(folder), env: { MDIFF_WEBGPU: '' }, run: onProcessor, measure: equal });
    await rm(at, { recursive: true });
    const { state, reason } = engines.find(({ device }) => device === 'cuda')!;
    expect(state).toBe('broken');
    expect(reason).toMatch(
      /^its library lists no GPU and computes on the processor;( no NVIDIA driver here \(\/dev\/nvidiactl\);)? "mdiff engine install tensorflow --cuda --force" makes it anew$/,
    );
  });
});

describe('a trial in a process of its own', () => {
  it('reports a product of ONNX Runtime', async () => {
    const outcome = await runTrial({ engine: 'onnxruntime', device: 'cpu', threads: 1, seconds: 0 });
    expect(outcome).toMatchObject({ ok: true, report: { device: 'cpu', version: expect.stringMatching(/^\d+\.\d+/) as string } });
    // Sixty-four float32 products of numbers below one: a rounding is 6e-8.
    expect(outcome.ok && outcome.report.error).toBeLessThan(1e-5);
  });

  it('reports the crash of a library', async () => {
    const outcome = await runTrial({ engine: 'tensorflow', library: found, device: 'cpu', bf16: false, threads: 1, seconds: 0 });
    expect(outcome).toEqual({ ok: false, reason: 'the process ended with SIGSEGV: undefined symbol' });
  });
});

describe('what is found beside the addon', () => {
  it('are kernels that a package not of ours has, whatever made them', async () => {
    expect(kernelsOf(found)).toBeUndefined();
    await put(join(found.folder, 'lib', 'kernels.so'), '');
    expect(kernelsOf(found)).toBe(join(found.folder, 'lib', 'kernels.so'));
  });

  it('is an allocator that keeps memory, unless the user has set one or fused kernels on one rank need none', async () => {
    const { folder } = found;
    await rm(join(folder, 'lib'), { recursive: true, force: true });
    const { GLIBC_TUNABLES } = launcherEnvironment({ variant: 'cpu', folder }, {}, true);
    expect(GLIBC_TUNABLES).toBe(
      'glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=17179869184:glibc.malloc.mmap_max=0:glibc.malloc.hugetlb=1',
    );
    expect(launcherEnvironment({ variant: 'cpu', folder }, { GLIBC_TUNABLES: '' }, true)).toEqual({});
    expect(launcherEnvironment({ variant: 'cuda', folder }, {}, true)).toEqual({});
    expect(launcherEnvironment({ variant: 'cpu', folder }, {}, false)).toEqual({});
    await put(join(folder, 'lib', 'kernels.so'), '');
    expect(launcherEnvironment({ variant: 'cpu', folder }, {}, true)).toEqual({});
    // Whole gradients come and go among ranks.
    const ranks = { OMPI_COMM_WORLD_SIZE: '2', OMPI_COMM_WORLD_RANK: '1' };
    expect(launcherEnvironment({ variant: 'cpu', folder }, ranks, true)).toEqual({ GLIBC_TUNABLES });
  });
});
