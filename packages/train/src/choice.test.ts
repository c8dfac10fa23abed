import { ProjectConfig } from '@mdiff/config';
import { describe, expect, it } from 'vitest';
import { installedEngines, resolveEngine } from './choice.js';
import type { Installed } from './choice.js';
import type { NativeTensorFlow } from './native.js';

const library = (variant: 'cpu' | 'cuda'): NativeTensorFlow => ({ folder: `/cache/${variant}`, package: variant === 'cpu' ? 'tfjs-node' : 'tfjs-node-gpu', version: '4.22.0', variant, from: 'cache_dir' });
const npmOnly: Installed = { devices: { onnxruntime: ['cpu'], tfjs_node: [], tfjs: ['cpu'] }, tensorflow: {}, driver: false };
const native: Installed = { devices: { ...npmOnly.devices, tfjs_node: ['cpu'] }, tensorflow: { cpu: library('cpu') }, driver: false };
const gpu: Installed = { devices: { onnxruntime: ['cpu', 'webgpu'], tfjs_node: ['cuda', 'cpu'], tfjs: ['cpu'] }, tensorflow: { cpu: library('cpu'), cuda: library('cuda') }, driver: true };

const base = ProjectConfig.preset('default');
const choose = (set: Record<string, string>, installed: Installed): unknown => {
  const { engine, device, tensorflow, notices } = resolveEngine(base.with(set), installed);
  return [engine, device, tensorflow?.variant, notices.map(({ code }) => code)];
};

describe('resolveEngine', () => {
  it('takes native TensorFlow where it is installed for the device, else ONNX Runtime', () => {
    expect(choose({ device: 'auto' }, npmOnly)).toEqual(['onnxruntime', 'cpu', undefined, []]);
    expect(choose({ device: 'auto' }, native)).toEqual(['tfjs_node', 'cpu', 'cpu', []]);
    expect(choose({ device: 'auto' }, gpu)).toEqual(['tfjs_node', 'cuda', 'cuda', []]);
    expect(choose({ device: 'cpu' }, gpu)).toEqual(['tfjs_node', 'cpu', 'cpu', []]);
    expect(choose({ device: 'webgpu' }, gpu)).toEqual(['onnxruntime', 'webgpu', undefined, []]);
  });

  it('takes the best device of an engine that was named', () => {
    expect(choose({ engine: 'onnxruntime', device: 'auto' }, gpu)).toEqual(['onnxruntime', 'webgpu', undefined, []]);
    expect(choose({ engine: 'tfjs', device: 'auto' }, gpu)).toEqual(['tfjs', 'cpu', undefined, []]);
    expect(choose({ engine: 'tfjs_node', device: 'cpu' }, native)).toEqual(['tfjs_node', 'cpu', 'cpu', []]);
  });

  it('falls back from the default device with one notice, and refuses one that was set', () => {
    expect(choose({}, npmOnly)).toEqual(['onnxruntime', 'cpu', undefined, ['N2']]);
    expect(choose({}, native)).toEqual(['tfjs_node', 'cpu', 'cpu', ['N2']]);
    expect(choose({}, gpu)).toEqual(['tfjs_node', 'cuda', 'cuda', []]);
    expect(choose({ engine: 'onnxruntime' }, gpu)).toEqual(['onnxruntime', 'webgpu', undefined, ['N2']]);
    for (const device of ['cuda', 'webgpu']) {
      expect(() => choose({ device }, native)).toThrow(expect.objectContaining({ exitCode: 2, message: expect.stringContaining(`expected an available device, got "${device}"`) as string }) as Error);
    }
  });

  it('says how to get an engine that is not installed', () => {
    expect(() => choose({ engine: 'tfjs_node', device: 'cpu' }, npmOnly)).toThrow(
      expect.objectContaining({ code: 'MDIFF_CONFIG', exitCode: 2, message: expect.stringContaining('got "tfjs_node"; run "mdiff engine install tensorflow"') as string }) as Error,
    );
  });
});

describe('installedEngines', () => {
  it('has ONNX Runtime and the reference on the processor without any installation', () => {
    const { devices } = installedEngines('/nowhere', {});
    expect([devices.onnxruntime, devices.tfjs]).toEqual([['cpu'], ['cpu']]);
  });
});
