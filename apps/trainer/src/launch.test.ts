import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ProjectConfig } from '@mdiff/config';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { launchVariables, relaunch } from './launch.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-launch-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const script = (text: string): { program: string; args: string[] } => ({ program: process.execPath, args: ['-e', text] });

describe('relaunch', () => {
  it('gives the child the variables beside the others, and passes its exit code on', async () => {
    const to = join(folder, 'seen');
    const text = `require('fs').writeFileSync(${JSON.stringify(to)}, process.env.ONE + process.env.TWO); process.exit(3)`;
    expect(await relaunch({ ONE: 'a' }, { env: { ...process.env, TWO: 'b' }, ...script(text) })).toBe(3);
    expect(await readFile(to, 'utf8')).toBe('ab');
  });

  it('counts a signal that ends the child as a shell does', async () => {
    expect(await relaunch({}, script('process.kill(process.pid, "SIGKILL")'))).toBe(137);
  });

  it('passes SIGTERM on, leaves SIGINT to the terminal, and listens no longer than the child lives', async () => {
    const listeners = (): number[] => ['SIGINT', 'SIGTERM'].map((signal) => process.listenerCount(signal));
    const before = listeners();
    const ready = join(folder, 'ready');
    const text = `process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); require('fs').writeFileSync(${JSON.stringify(ready)}, '')`;
    const ended = relaunch({}, script(text));
    await vi.waitUntil(() => existsSync(ready), { timeout: 30_000, interval: 10 });
    process.emit('SIGINT');
    process.emit('SIGTERM');
    expect(await ended).toBe(7);
    expect(listeners()).toEqual(before);
  });

  it('says when there is nothing to start', async () => {
    await expect(relaunch({}, { program: join(folder, 'nothing'), args: [] })).rejects.toThrow('ENOENT');
  });
});

describe('launchVariables', () => {
  it('asks for a child only where the run takes native TensorFlow, and only once', async () => {
    const native = join(folder, 'tfjs-node');
    for (const [path, text] of [['package.json', '{ "name": "@tensorflow/tfjs-node", "version": "4.22.0" }'], ['lib/napi-v8/tfjs_binding.node', '']] as const) {
      await mkdir(dirname(join(native, path)), { recursive: true });
      await writeFile(join(native, path), text);
    }
    const config = ProjectConfig.preset('default').with({ cache_dir: folder, device: 'auto' });
    const env = { MDIFF_TENSORFLOW: native };
    // Other C libraries know no such settings.
    const glibc = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime !== undefined;
    expect(Object.keys(launchVariables(config, env))).toEqual(glibc ? ['GLIBC_TUNABLES'] : []);
    expect(launchVariables(config, { ...env, ...launchVariables(config, env), GLIBC_TUNABLES: 'set' })).toEqual({});
    expect(launchVariables(config.with({ engine: 'onnxruntime' }), env)).toEqual({});
    expect(launchVariables(config, {})).toEqual({});
    expect(launchVariables(config, { MDIFF_TENSORFLOW: join(folder, 'nothing') })).toEqual({});
  });
});
