import { mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture, withCopy } from './read.test.util.js';
import { readFolder } from './read.js';

/** The one line a damaged copy is answered with. */
async function complaint(damage: (folder: string) => Promise<void>, options = {}): Promise<string> {
  let message = 'no error';
  await withCopy(async (folder) => {
    await damage(folder);
    const error = await readFolder(folder, options).then(
      () => null,
      (reason: unknown) => reason as Error & { code: string },
    );
    if (!error) return;
    expect(error.code).toBe('MDIFF_MODEL');
    message = error.message.replaceAll(folder, 'F');
  });
  expect(message).not.toContain('\n');
  return message;
}

async function edit(file: string, change: (value: Record<string, unknown>) => void): Promise<void> {
  const value = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  change(value);
  await writeFile(file, JSON.stringify(value));
}

describe('readFolder', () => {
  it('reads a whole folder', async () => {
    const folder = await readFolder(fixture('shifted'));
    expect(folder.name).toBe('shifted');
    expect(folder.config.max_seq_len).toBe(32);
    expect(folder.generation.sampler).toBe('confidence');
    expect(folder.created).toBe(Date.UTC(2026, 0, 1) / 1000);
  });

  it('names a folder called model after the run around it', async () => {
    await withCopy(async (folder) => {
      const moved = join(dirname(folder), 'my-book', 'model');
      await mkdir(dirname(moved));
      await rename(folder, moved);
      expect((await readFolder(moved)).name).toBe('my-book');
    });
  });

  it('refuses what is no model folder', async () => {
    expect(await complaint((folder) => rm(folder, { recursive: true }))).toMatch(
      /^F: expected a model folder, got nothing at this path; give the folder that training wrote/,
    );
    await expect(readFolder(join(fixture('shifted'), 'config.json'))).rejects.toThrow(
      'expected a model folder, got a file; give the folder that contains it',
    );
    expect(await complaint((folder) => rm(join(folder, 'manifest.json')))).toBe(
      'F: expected a model folder, got a folder without manifest.json; give the folder that training wrote (…/model)',
    );
  });

  it('points from a run folder to the model inside', async () => {
    await withCopy(async (folder) => {
      const run = dirname(folder);
      await rename(folder, join(run, 'model'));
      await expect(readFolder(run)).rejects.toThrow(`did you mean ${join(run, 'model')}?`);
    });
  });

  it('names a missing file', async () => {
    expect(await complaint((folder) => rm(join(folder, 'onnx/model.onnx')))).toMatch(
      /^F\/onnx\/model\.onnx: expected a file of \d+ bytes \(manifest\.json\), got nothing; export the model again/,
    );
    expect(await complaint((folder) => edit(join(folder, 'manifest.json'), (manifest) => void (manifest['files'] = [])))).toContain(
      'expected an entry for config.json, got none',
    );
    const weightsAlone = (manifest: Record<string, unknown>): void =>
      void (manifest['files'] = (manifest['files'] as { path: string }[]).map((file) =>
        file.path === 'onnx/model.onnx' ? { ...file, path: 'model.safetensors' } : file,
      ));
    expect(await complaint((folder) => edit(join(folder, 'manifest.json'), weightsAlone))).toContain(
      'expected an entry for onnx/model.onnx, got weights alone; the commands of mdiff write the graph of such a folder at its first use',
    );
  });

  it('sees a cut file by its size and a changed one by its hash', async () => {
    const cut = (folder: string) => truncate(join(folder, 'onnx/model.onnx'), 1000);
    expect(await complaint(cut, { verify: false })).toMatch(/^F\/onnx\/model\.onnx: expected \d+ bytes \(manifest\.json\), got 1000/);
    const flip = async (folder: string) => {
      const file = join(folder, 'onnx/model.onnx');
      const bytes = await readFile(file);
      bytes[500]! ^= 1;
      await writeFile(file, bytes);
    };
    expect(await complaint(flip)).toMatch(/^F\/onnx\/model\.onnx: expected sha256 [0-9a-f]{12}… \(manifest\.json\), got [0-9a-f]{12}…/);
    expect(await complaint(flip, { verify: false })).toBe('no error');
  });

  it('refuses another version, naming both', async () => {
    const set = (version: unknown) => (folder: string) =>
      edit(join(folder, 'manifest.json'), (manifest) => void (manifest['format_version'] = version));
    expect(await complaint(set(2))).toBe('F/manifest.json: expected format_version 1, got 2; use a newer mdiff');
    expect(await complaint(set(undefined))).toBe('F/manifest.json: expected format_version 1, got nothing; export the model again');
  });

  it('never leaves the folder for a file that a manifest names', async () => {
    for (const path of ['../secret', '/etc/passwd', 'a/../../b', 'C:\\x', 'a\0b']) {
      const name = (folder: string) =>
        edit(join(folder, 'manifest.json'), (manifest) => void (manifest['files'] = [{ path, size: 1, sha256: '' }]));
      expect(await complaint(name)).toContain('expected files as a list of { path, size, sha256 } inside the folder');
    }
  });

  it('refuses a manifest that is not JSON and a configuration of another kind of model', async () => {
    expect(await complaint((folder) => writeFile(join(folder, 'manifest.json'), ''))).toContain(
      'F/manifest.json: expected a JSON object, got an empty file',
    );
    const config = async (folder: string) => {
      const text = JSON.stringify({ model_type: 'bert' });
      await writeFile(join(folder, 'config.json'), text);
      await edit(join(folder, 'manifest.json'), (manifest) => {
        const entry = (manifest['files'] as { path: string; size: number }[]).find(({ path }) => path === 'config.json')!;
        entry.size = text.length;
      });
    };
    expect(await complaint(config, { verify: false })).toContain('F/config.json: expected model_type "mdiff", got "bert"');
  });
});
