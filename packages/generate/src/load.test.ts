import { createHash } from 'node:crypto';
import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFolder } from '@mdiff/folder/node';
import { afterAll, describe, expect, it } from 'vitest';
import { fixture, withCopy } from './fixture.test.util.js';
import { loadFolder, loadModel } from './load.js';
import { prepareFolders } from './prepare.js';
import { nodeSession } from './runtime/node.js';

const shifted = await loadModel(fixture('shifted'));
const plain = await loadModel(fixture('plain'));
afterAll(() => Promise.all([shifted.close(), plain.close()]));

const best = (logits: Float32Array, from = 5): number =>
  logits.reduce((top, value, id) => (id >= from && value > logits[top]! ? id : top), from);

describe('loadModel', () => {
  it('gives the logits of masked positions, with a shifted head and without', async () => {
    const whale = shifted.tokenizer.encode(' whale')[0]!;
    const the = shifted.tokenizer.encode(' the')[0]!;
    const left = await shifted.denoise([{ canvas: Int32Array.of(2, the, 0, 0, 0), positions: Int32Array.of(2) }]);
    expect(best(left)).toBe(whale);
    const right = await plain.denoise([{ canvas: Int32Array.of(the, 0, 0, 0), positions: Int32Array.of(1) }]);
    expect(best(right)).toBe(whale);
  });

  it('answers each canvas as if it were alone, whatever its length', async () => {
    const canvases = [
      { canvas: Int32Array.of(2, 0, 0, 0), positions: Int32Array.of(1, 3) },
      { canvas: Int32Array.of(2, 0, 9, 0, 0, 0, 0), positions: Int32Array.of(6) },
      { canvas: Int32Array.of(2, 7), positions: new Int32Array(0) },
    ];
    const together = await shifted.denoise(canvases);
    expect(together).toHaveLength(3 * shifted.config.vocab_size);
    const alone = await Promise.all(canvases.map((canvas) => shifted.denoise([canvas])));
    expect([...together]).toEqual(alone.flatMap((logits) => [...logits]));
  });

  it('takes the tokenizer that was made before a server listens', async () => {
    const files = await readFolder(fixture('plain'));
    const [tokenizer] = await prepareFolders([files]);
    const model = await loadFolder(files, { tokenizer: tokenizer! });
    expect(model.tokenizer).toBe(tokenizer);
    await model.close();
    await expect(prepareFolders([{ ...files, tokenizer: '{' }])).rejects.toMatchObject({ code: 'MDIFF_MODEL' });
  });

  it('keeps the event loop free while it runs', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 0);
    const canvas = new Int32Array(32);
    const positions = Int32Array.from({ length: 31 }, (_, i) => i + 1);
    await shifted.denoise(Array.from({ length: 256 }, () => ({ canvas, positions })));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });

  it('runs the graph in 8 bits if the folder has one, and says how to write it if not', async () => {
    await expect(loadModel(fixture('shifted'), { precision: 'int8' })).rejects.toMatchObject({
      code: 'MDIFF_MODEL',
      message: expect.stringMatching(
        /this folder has no onnx\/model_quantized\.onnx; write one with: mdiff export <its run> --int8$/,
      ) as string,
    });
    await withCopy(async (folder) => {
      const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as { files: { path: string }[] };
      const graph = manifest.files.find(({ path }) => path === 'onnx/model.onnx')!;
      await copyFile(join(folder, graph.path), join(folder, 'onnx/model_quantized.onnx'));
      await writeFile(
        join(folder, 'manifest.json'),
        JSON.stringify({ ...manifest, files: [...manifest.files, { ...graph, path: 'onnx/model_quantized.onnx' }] }),
      );
      // The other graph is not loaded.
      await writeFile(join(folder, graph.path), Buffer.alloc((await stat(join(folder, graph.path))).size));
      const model = await loadModel(folder, { precision: 'int8', verify: false });
      const row = { canvas: Int32Array.of(2, 0, 0), positions: Int32Array.of(1) };
      expect([...(await model.denoise([row]))]).toEqual([...(await shifted.denoise([row]))]);
      await model.close();
      await expect(loadModel(folder, { precision: 'int8', cache: 'dual', verify: false })).rejects.toThrow(
        /this folder has no onnx\/block_quantized\.onnx; write one with: mdiff export <its run> --cache --int8$/,
      );
    });
  });

  it('refuses the graph of another model', async () => {
    const { config, ...files } = await readFolder(fixture('shifted'));
    const { graph } = files;
    await expect(nodeSession({ ...files, config: { ...config, vocab_size: 301 } })).rejects.toMatchObject({
      code: 'MDIFF_MODEL',
      message: `${graph}: ONNX Runtime cannot load or run this graph (its vocabulary is 300, and vocab_size in config.json is 301, so it is the graph of another model); export the model again`,
    });
  });

  it('reports a graph that does not load in one line, and calls after close', async () => {
    await withCopy(async (folder) => {
      const bytes = Buffer.from('this is no graph');
      await writeFile(join(folder, 'onnx/model.onnx'), bytes);
      const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as {
        files: { path: string; size: number; sha256: string }[];
      };
      Object.assign(
        manifest.files.find(({ path }) => path === 'onnx/model.onnx')!,
        { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
      );
      await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
      const error = await loadModel(folder).catch((reason: unknown) => reason as Error & { code: string });
      expect(error).toMatchObject({ code: 'MDIFF_MODEL' });
      expect((error as Error).message).toMatch(
        /model\.onnx: ONNX Runtime cannot load or run this graph \([^\n]+\); export the model again$/,
      );
    });
    const model = await loadModel(fixture('plain'));
    await model.close();
    await expect(model.denoise([{ canvas: Int32Array.of(0), positions: Int32Array.of(0) }])).rejects.toThrow('the model is closed');
  });
});
