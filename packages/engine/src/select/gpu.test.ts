import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anyDevice, forgetDevice, gpuNodes, isGpuNode, noDevice, realDevice } from './gpu.js';
import { askNow } from './trial.js';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'mdiff-adapter-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

const nodes = ['/dev/dri/renderD128'];

/** Counts how often a device is tried; finds none while `missing` is set. */
function trial(missing?: string): { asked: (boolean | undefined)[]; tried: (question: { software?: boolean }) => string | undefined } {
  const asked: (boolean | undefined)[] = [];
  return { asked, tried: ({ software }) => (asked.push(software), missing) };
}

describe('a GPU that WebGPU could use', () => {
  it('is looked for by the files of its driver', () => {
    expect(['/dev/dri/renderD128', '/dev/nvidia0', '/dev/dxg'].every(isGpuNode)).toBe(true);
    expect(['/dev/dri/card0', '/dev/nvidiactl', '/dev/null', 'pipe:[1]'].some(isGpuNode)).toBe(false);
    expect([gpuNodes('darwin').length, gpuNodes('win32').length]).toEqual([1, 0]);
  });

  it('is not tried where there is none, or where the user has switched that off', () => {
    const { asked, tried } = trial();
    expect(realDevice(folder, { env: {}, nodes: [], tried })).toMatch(/no GPU here|not looked for/);
    expect(realDevice(folder, { env: { MDIFF_WEBGPU: '' }, nodes, tried })).toBe('MDIFF_WEBGPU is set to nothing');
    expect(asked).toEqual([]);
  });

  it('is tried once, without software devices, until something changes', async () => {
    const none = trial('no driver');
    for (let i = 0; i < 2; i++) expect(realDevice(folder, { env: {}, nodes, tried: none.tried })).toBe('no driver');
    expect(none.asked).toEqual([false]);
    const some = trial();
    for (let i = 0; i < 2; i++) expect(realDevice(folder, { env: {}, nodes: [...nodes, '/dev/nvidia0'], tried: some.tried })).toBeUndefined();
    expect(some.asked).toEqual([false]);
    forgetDevice(folder);
    expect(realDevice(folder, { env: {}, nodes, tried: some.tried })).toBeUndefined();
    await writeFile(join(folder, 'webgpu.json'), (await readFile(join(folder, 'webgpu.json'), 'utf8')).slice(0, 9));
    expect(realDevice(folder, { env: {}, nodes, tried: some.tried })).toBeUndefined();
    expect(some.asked.length).toBe(3);
    // Where the answer cannot be kept it is asked for again.
    expect(realDevice(join(folder, 'webgpu.json', 'in'), { env: {}, nodes, tried: some.tried })).toBeUndefined();
  });
});

describe('any WebGPU device', () => {
  it('may be a software one', () => {
    const { asked, tried } = trial();
    expect(anyDevice({ tried })).toBeUndefined();
    expect(asked).toEqual([true]);
  });

  // Drivers are found by Vulkan's loader, which can be told to find none.
  it.runIf(process.platform === 'linux')('is asked for in a process of its own, up to the device; where there is none the answer says what is missing', () => {
    const none = { ...process.env, VK_ICD_FILENAMES: join(folder, 'none.json'), VK_DRIVER_FILES: join(folder, 'none.json') };
    expect(anyDevice({ env: none })).toMatch(/^ONNX Runtime got no WebGPU device: .+; it needs a GPU with a Vulkan driver$/);
  });
});

describe('askNow', () => {
  it('answers as `ask` does, and a process that takes too long is an answer', () => {
    expect(askNow({ engine: 'onnxruntime', device: 'cpu', threads: 1, seconds: 0 })).toMatchObject({ ok: true, answer: { device: 'cpu' } });
    expect(askNow({ engine: 'onnxruntime', device: 'cpu', threads: 1, seconds: 60 }, { limit: 20 })).toMatchObject({ ok: false, reason: expect.stringContaining('SIGKILL') as string });
  });
});

describe('what ONNX Runtime says', () => {
  it('is said without the place in its source', () => {
    expect(noDevice('/src/webgpu_context.cc:136 void f(const X&)::<lambda()> status == S was false. Failed to get a WebGPU adapter: No supported adapters')).toContain(
      'ONNX Runtime got no WebGPU device: Failed to get a WebGPU adapter: No supported adapters; it needs a GPU',
    );
  });
});
