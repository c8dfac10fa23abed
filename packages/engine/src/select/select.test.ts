import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProjectConfig } from '@mdiff/config';
import { describe, expect, it } from 'vitest';
import { engineDevices } from '../devices.js';
import { installedEngines, selectEngine } from './select.js';
import type { InstalledEngines } from './select.js';
import type { NativeTensorFlow } from '../tensorflow/locate.js';

const library = (variant: 'cpu' | 'cuda'): NativeTensorFlow => ({
  folder: `/cache/${variant}`,
  package: variant === 'cpu' ? 'tfjs-node' : 'tfjs-node-gpu',
  version: '4.22.0',
  variant,
  from: 'cache_dir',
});
const npmOnly: InstalledEngines = { devices: { onnxruntime: ['cpu'], tfjs_node: [], tfjs: ['cpu'] }, tensorflow: {}, driver: false };
const native: InstalledEngines = {
  devices: { ...npmOnly.devices, tfjs_node: ['cpu'] },
  tensorflow: { cpu: library('cpu') },
  driver: false,
};
const gpu: InstalledEngines = {
  devices: { onnxruntime: ['cpu', 'webgpu'], tfjs_node: ['cuda', 'cpu'], tfjs: ['cpu'] },
  tensorflow: { cpu: library('cpu'), cuda: library('cuda') },
  driver: true,
};

const base = ProjectConfig.preset('default');
const select = (set: Record<string, string>, installed: InstalledEngines): unknown => {
  const { engine, device, tensorflow, notices } = selectEngine(base.with(set), installed);
  return [engine, device, tensorflow?.variant, notices.map(({ code }) => code)];
};

describe('selectEngine', () => {
  it('takes native TensorFlow if it is installed for the device, else ONNX Runtime', () => {
    expect(select({ device: 'auto' }, npmOnly)).toEqual(['onnxruntime', 'cpu', undefined, []]);
    expect(select({ device: 'auto' }, native)).toEqual(['tfjs_node', 'cpu', 'cpu', []]);
    expect(select({ device: 'auto' }, gpu)).toEqual(['tfjs_node', 'cuda', 'cuda', []]);
    expect(select({ device: 'cpu' }, gpu)).toEqual(['tfjs_node', 'cpu', 'cpu', []]);
    expect(select({ device: 'webgpu' }, gpu)).toEqual(['onnxruntime', 'webgpu', undefined, []]);
  });

  it('takes the best device of an engine that was named', () => {
    expect(select({ engine: 'onnxruntime', device: 'auto' }, gpu)).toEqual(['onnxruntime', 'webgpu', undefined, []]);
    expect(select({ engine: 'tfjs', device: 'auto' }, gpu)).toEqual(['tfjs', 'cpu', undefined, []]);
    expect(select({ engine: 'tfjs_node', device: 'cpu' }, native)).toEqual(['tfjs_node', 'cpu', 'cpu', []]);
  });

  it('falls back from the default device with one notice, and refuses one that was set', () => {
    expect(select({}, npmOnly)).toEqual(['onnxruntime', 'cpu', undefined, ['N2']]);
    expect(select({}, native)).toEqual(['tfjs_node', 'cpu', 'cpu', ['N2']]);
    expect(select({}, gpu)).toEqual(['tfjs_node', 'cuda', 'cuda', []]);
    expect(select({ engine: 'onnxruntime' }, gpu)).toEqual(['onnxruntime', 'webgpu', undefined, ['N2']]);
    for (const device of ['cuda', 'webgpu']) {
      expect(() => select({ device }, native)).toThrow(
        expect.objectContaining({
          exitCode: 2,
          message: expect.stringContaining(`expected an available device, got "${device}"`) as string,
        }) as Error,
      );
    }
  });

  it('names the remedy for an engine that is not installed', () => {
    expect(() => select({ engine: 'tfjs_node', device: 'cpu' }, npmOnly)).toThrow(
      expect.objectContaining({
        code: 'MDIFF_CONFIG',
        exitCode: 2,
        message: expect.stringContaining('got "tfjs_node"; run "mdiff engine install tensorflow"') as string,
      }) as Error,
    );
  });
});

describe('WebGPU', () => {
  /** A machine with a device of this kind, and a record of the trials. */
  const machine = (kind: 'none' | 'software' | 'real', also: InstalledEngines = npmOnly): [InstalledEngines, boolean[]] => {
    const asked: boolean[] = [];
    const webgpu = (software: boolean): string | undefined => (
      asked.push(software),
      kind === 'real' || (kind === 'software' && software) ? undefined : 'no adapter'
    );
    return [{ ...also, webgpu }, asked];
  };

  it('is selected automatically on hardware only, and before the processor whatever is installed there', () => {
    for (const also of [npmOnly, native]) {
      expect(select({ device: 'auto' }, machine('real', also)[0])).toEqual(['onnxruntime', 'webgpu', undefined, []]);
      expect(select({ device: 'auto' }, machine('software', also)[0])).toEqual(select({ device: 'auto' }, also));
    }
    expect(select({}, machine('real')[0])).toEqual(['onnxruntime', 'webgpu', undefined, ['N2']]);
    expect(select({ device: 'webgpu' }, machine('software')[0])).toEqual(['onnxruntime', 'webgpu', undefined, []]);
  });

  it('is tried once at most, and only if the result decides', () => {
    const tried = (set: Record<string, string>, also?: InstalledEngines): boolean[] => {
      const [installed, asked] = machine('none', also);
      try {
        select(set, installed);
      } catch {
        // refused
      }
      return asked;
    };
    expect(tried({ device: 'webgpu' })).toEqual([true]);
    expect(tried({ device: 'auto' })).toEqual([false]);
    expect(tried({ device: 'cpu' })).toEqual([]);
    expect(tried({ engine: 'tfjs', device: 'auto' })).toEqual([]);
    expect(tried({ engine: 'tfjs_node', device: 'auto' }, native)).toEqual([]);
    expect(tried({ device: 'auto' }, gpu)).toEqual([]);
  });
});

describe('a device that was set and is absent', () => {
  const refusal = (set: Record<string, string>, installed: InstalledEngines): string => {
    try {
      select(set, installed);
    } catch (error) {
      expect(error).toMatchObject({ code: 'MDIFF_CONFIG', exitCode: 2 });
      return (error as Error).message;
    }
    throw new Error('not refused');
  };
  const remedy = 'set device to "auto" or "cpu"';

  it('is named with what is missing', () => {
    expect(refusal({ device: 'cuda' }, native)).toContain(`got "cuda"; ${remedy} (no NVIDIA driver here (/dev/nvidiactl))`);
    expect(refusal({ device: 'cuda' }, { ...native, driver: true })).toContain(
      `${remedy} ("mdiff engine install tensorflow --cuda" makes native TensorFlow for it)`,
    );
    expect(refusal({ device: 'cuda', engine: 'onnxruntime' }, native)).toContain(
      `${remedy} (ONNX Runtime comes without CUDA from npm; engine "tfjs_node" has it)`,
    );
    expect(refusal({ device: 'webgpu' }, { ...native, webgpu: () => 'no adapter' })).toContain(`got "webgpu"; ${remedy} (no adapter)`);
  });
});

describe('installedEngines', () => {
  it('has ONNX Runtime and the reference engine on the processor without any installation', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'mdiff-select-'));
    const { devices } = installedEngines(join(empty, 'absent'), {});
    await rm(empty, { recursive: true });
    expect([devices.onnxruntime, devices.tfjs]).toEqual([['cpu'], ['cpu']]);
    // Both come from the table of devices; only WebGPU and TensorFlow depend on the machine.
    expect(engineDevices.onnxruntime.filter((device) => !devices.onnxruntime.includes(device))).toEqual(['webgpu']);
    expect(devices.tfjs).toEqual(engineDevices.tfjs);
  });
});
