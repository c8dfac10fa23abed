import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forgetDevice, gpuNodes, hardwareDeviceMissing, isGpuNode, noDevice, webgpuDeviceMissing } from './gpu.js';
import { runTrialSync } from './trial.js';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'mdiff-gpu-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

const nodes = ['/dev/dri/renderD128'];

/** A trial that records `software` of each call, and finds no device if `missing` is given. */
function recorded(missing?: string): { calls: (boolean | undefined)[]; trial: (trial: { software?: boolean }) => string | undefined } {
  const calls: (boolean | undefined)[] = [];
  return { calls, trial: ({ software }) => (calls.push(software), missing) };
}

describe('a GPU for WebGPU', () => {
  it('is found by the files of its driver', () => {
    expect(['/dev/dri/renderD128', '/dev/nvidia0', '/dev/dxg'].every(isGpuNode)).toBe(true);
    expect(['/dev/dri/card0', '/dev/nvidiactl', '/dev/null', 'pipe:[1]'].some(isGpuNode)).toBe(false);
    expect([gpuNodes('darwin').length, gpuNodes('win32').length]).toEqual([1, 0]);
  });

  it('is not tried if there is none, or if the user has switched that off', () => {
    const { calls, trial } = recorded();
    expect(hardwareDeviceMissing(folder, { env: {}, nodes: [], trial })).toMatch(/no GPU here|does not look for a GPU/);
    expect(hardwareDeviceMissing(folder, { env: { MDIFF_WEBGPU: '' }, nodes, trial })).toBe('MDIFF_WEBGPU is set to nothing');
    expect(calls).toEqual([]);
  });

  it('is tried once, without software devices, until something changes', async () => {
    const none = recorded('no driver');
    for (let i = 0; i < 2; i++) expect(hardwareDeviceMissing(folder, { env: {}, nodes, trial: none.trial })).toBe('no driver');
    expect(none.calls).toEqual([false]);
    const some = recorded();
    for (let i = 0; i < 2; i++)
      expect(hardwareDeviceMissing(folder, { env: {}, nodes: [...nodes, '/dev/nvidia0'], trial: some.trial })).toBeUndefined();
    expect(some.calls).toEqual([false]);
    forgetDevice(folder);
    expect(hardwareDeviceMissing(folder, { env: {}, nodes, trial: some.trial })).toBeUndefined();
    await writeFile(join(folder, 'webgpu.json'), (await readFile(join(folder, 'webgpu.json'), 'utf8')).slice(0, 9));
    expect(hardwareDeviceMissing(folder, { env: {}, nodes, trial: some.trial })).toBeUndefined();
    expect(some.calls.length).toBe(3);
    // A result that cannot be kept is tried for again.
    expect(hardwareDeviceMissing(join(folder, 'webgpu.json', 'in'), { env: {}, nodes, trial: some.trial })).toBeUndefined();
  });
});

describe('any WebGPU device', () => {
  it('may be a software one', () => {
    const { calls, trial } = recorded();
    expect(webgpuDeviceMissing({ trial })).toBeUndefined();
    expect(calls).toEqual([true]);
  });

  // Vulkan's loader finds the drivers; these variables make it find none.
  it.runIf(process.platform === 'linux')('is tried in a process of its own; if there is none, the result says what is missing', () => {
    const none = { ...process.env, VK_ICD_FILENAMES: join(folder, 'none.json'), VK_DRIVER_FILES: join(folder, 'none.json') };
    expect(webgpuDeviceMissing({ env: none })).toMatch(/^ONNX Runtime got no WebGPU device: .+; it needs a GPU with a Vulkan driver$/);
  });
});

describe('runTrialSync', () => {
  it('reports as `runTrial` does, and a timeout is a failure', () => {
    expect(runTrialSync({ engine: 'onnxruntime', device: 'cpu', threads: 1, seconds: 0 })).toMatchObject({
      ok: true,
      report: { device: 'cpu' },
    });
    expect(runTrialSync({ engine: 'onnxruntime', device: 'cpu', threads: 1, seconds: 60 }, { limit: 20 })).toMatchObject({
      ok: false,
      reason: expect.stringContaining('SIGKILL') as string,
    });
  });
});

describe('a message of ONNX Runtime', () => {
  it('is quoted without the place in its source', () => {
    expect(
      noDevice(
        '/src/webgpu_context.cc:136 void f(const X&)::<lambda()> status == S was false. Failed to get a WebGPU adapter: No supported adapters',
      ),
    ).toContain('ONNX Runtime got no WebGPU device: Failed to get a WebGPU adapter: No supported adapters; it needs a GPU');
  });
});
