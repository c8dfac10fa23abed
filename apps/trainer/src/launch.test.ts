import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ProjectConfig } from '@mdiff/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchVariables } from './launch.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-launch-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('launchVariables', () => {
  it('asks for a child only where the run takes native TensorFlow, and only once', async () => {
    const native = join(folder, 'tfjs-node');
    for (const [path, text] of [
      ['package.json', '{ "name": "@tensorflow/tfjs-node", "version": "4.22.0" }'],
      ['lib/napi-v8/tfjs_binding.node', ''],
    ] as const) {
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
