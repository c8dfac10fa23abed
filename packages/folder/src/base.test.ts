import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { locateModel, packageNamed, readBase } from './base.js';
import { places } from './disk.js';
import { writeFolderWhole } from './files.js';
import { writeSafetensors } from './safetensors.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mdiff-base-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const files = {
  'config.json': JSON.stringify({
    model_type: 'mdiff',
    format_version: 1,
    vocab_size: 300,
    max_seq_len: 32,
    shift_head: true,
    mask_token_id: 0,
    pad_token_id: 1,
    bos_token_id: 2,
    eos_token_id: 3,
    sep_token_id: 4,
  }),
  'tokenizer.json': '{}',
  'model.safetensors': writeSafetensors([{ name: 'w', shape: [2], data: Float32Array.of(1.5, -2) }], {}, 'F16'),
  'README.md': '# base\n\n| | |\n|---|---|\n| text | many books |\n| training | 9 steps |\n\n| other | table |\n',
};

/** A package in `node_modules` of a project: a model folder with a package.json beside it. */
async function project(name: string, content: Record<string, string | Uint8Array> = files): Promise<string> {
  const cwd = await mkdtemp(join(root, 'project-'));
  const folder = join(cwd, 'node_modules', name);
  await mkdir(join(folder, '..'), { recursive: true });
  await writeFolderWhole(folder, content, places.output);
  // Its `exports` need not name any file.
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name, version: '0.1.0', exports: {} }));
  return cwd;
}

it.each([
  ['base-en', '@mdiff/base-en'],
  ['@me/my-model', '@me/my-model'],
  ['./base-en', undefined],
  ['outputs/base/model', undefined],
  ['/models/base', undefined],
  ['..', undefined],
])('%s is the package %s', (from, name) => {
  expect(packageNamed(from)).toBe(name);
});

describe('a base model', () => {
  it('is read from an installed package, also from a folder below the project', async () => {
    const cwd = await project('@mdiff/base-en');
    await mkdir(join(cwd, 'a/b'), { recursive: true });
    for (const place of [cwd, join(cwd, 'a/b')]) {
      const base = await readBase('base-en', place);
      expect(base).toMatchObject({
        name: 'base-en',
        config: { max_seq_len: 32 },
        tokenizer: '{}',
        facts: { text: 'many books', training: '9 steps' },
      });
      expect([...base.weights.get('w')!.data]).toEqual([1.5, -2]);
      expect(base.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(Object.keys(base.facts)).not.toContain('other');
    }
    expect((await readBase('@me/other', await project('@me/other'))).name).toBe('@me/other');
  });

  it('is read from a folder, without a graph; a bare name may be one where no package has it', async () => {
    await writeFolderWhole(join(root, 'here'), files, places.output);
    expect((await readBase('./here', root)).path).toBe(join(root, 'here'));
    expect(locateModel('here', root)).toBe(join(root, 'here'));
  });

  it('that is not installed is one error that says how to get it', async () => {
    await expect(readBase('base-none', root)).rejects.toMatchObject({
      code: 'MDIFF_BASE',
      exitCode: 2,
      message: `model.init_from: the package @mdiff/base-none is not installed, and there is no folder ${join(root, 'base-none')}; run: npm install @mdiff/base-none, or give the path of a model folder`,
    });
  });

  it('that is damaged or incomplete is one error that names the file', async () => {
    const few = Object.fromEntries(Object.entries(files).filter(([name]) => name !== 'model.safetensors'));
    await expect(readBase('few', await project('@mdiff/few', few))).rejects.toThrow(
      /^model\.init_from: .*manifest\.json: expected an entry for model\.safetensors, got none; export the model again/,
    );
    const cwd = await project('@mdiff/cut');
    await writeFile(join(cwd, 'node_modules/@mdiff/cut/model.safetensors'), 'short');
    await expect(readBase('cut', cwd)).rejects.toThrow(/model\.safetensors: expected \d+ bytes \(manifest\.json\), got 5/);
    await expect(readBase('./absent', root)).rejects.toThrow(/absent: expected a model folder, got nothing at this path/);
  });
});
