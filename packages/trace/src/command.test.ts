import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type * as tfjs from '@tensorflow/tfjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from './command.js';
import { absentPeer } from './error.js';
import { compile, toOnnx } from './index.js';
import { writeOnnx } from './node.js';
import { onnxModel } from './onnx/model.js';
import { encode } from './onnx/encode.js';
import { tf } from './tf.js';

let folder: string;
let model: tfjs.Sequential;
const x = Float32Array.from({ length: 8 }, (_, i) => Math.sin(i));
const inside = (name: string): string => join(folder, name);

beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = mkdtempSync(join(tmpdir(), 'mdiff-trace-'));
  model = tf.sequential({
    layers: [tf.layers.dense({ units: 90, inputShape: [4] }), tf.layers.dense({ units: 3, activation: 'softmax' })],
  });
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      const { modelTopology, weightSpecs, weightData, format } = artifacts;
      const bytes = new Uint8Array(weightData as ArrayBuffer);
      // In two files, as the converter cuts them.
      writeFileSync(inside('group1-shard1of2.bin'), bytes.subarray(0, 100));
      writeFileSync(inside('group1-shard2of2.bin'), bytes.subarray(100));
      const weightsManifest = [{ paths: ['group1-shard1of2.bin', 'group1-shard2of2.bin'], weights: weightSpecs }];
      writeFileSync(inside('model.json'), JSON.stringify({ modelTopology, format, weightsManifest }));
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } } as tfjs.io.SaveResult);
    }),
  );
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  model.dispose();
});

async function call(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await run(
    args,
    (text) => void (out += text),
    (text) => void (err += text),
  );
  return { code, out, err };
}

async function check(file: string | Uint8Array): Promise<void> {
  const session = await (typeof file === 'string' ? ort.InferenceSession.create(file) : ort.InferenceSession.create(file));
  const result = await session.run({ [session.inputNames[0]!]: new ort.Tensor('float32', x, [2, 4]) });
  const expected = tf.tidy(() => (model.predict(tf.tensor2d(x, [2, 4])) as tf.Tensor).dataSync());
  expect(Object.values(result)[0]!.dims).toEqual([2, 3]);
  (Object.values(result)[0]!.data as Float32Array).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
  await session.release();
}

it('writes the model that a folder holds', async () => {
  const { code, out, err } = await call(inside('model.json'), '--out', inside('a.onnx'));
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/a\.onnx: 0\.00\d MB\n\S+ \[batch, 4\] → \S+ \[batch, 3\]\n$/);
  await check(inside('a.onnx'));
});

it('puts weights above the limit into a file beside it, from where they are in memory', async () => {
  const { graph, state } = compile(model);
  const files = writeOnnx(inside('large.onnx'), graph, { initializers: state, limit: 1000 });
  expect(Object.keys(files)).toEqual([inside('large.onnx'), inside('large.onnx.data')]);
  expect(files[inside('large.onnx.data')]).toBeGreaterThanOrEqual(4 * 90 * 4 + 4 * 90 * 3);
  await check(inside('large.onnx'));
  await check(toOnnx(graph, { initializers: state }));
  const kernel = new Float32Array(2 ** 17);
  const wide = { ...graph, inputs: [], nodes: [], outputs: [], variables: [{ name: 'w', shape: [2 ** 17], dtype: 'float32' as const }], values: { w: { shape: [2 ** 17], dtype: 'float32' as const } } }; // prettier-ignore
  const pieces = encode(onnxModel(wide, { initializers: { w: kernel } }));
  expect(pieces.filter(({ buffer }) => buffer === kernel.buffer)).toHaveLength(1);
  expect(readdirSync(folder).filter((name) => name.endsWith('.partial'))).toEqual([]);
});

it.each<[number, RegExp, () => string[]]>([
  [2, /expected one model\.json, got 0/, () => []],
  [2, /Unknown option '--ouput'/, () => ['--ouput', 'x']],
  [2, /--opset: expected a whole number from 18 to 23, got "17"/, () => [inside('model.json'), '--opset', '17']],
  [2, /--shape: expected NAME=SIZES/, () => [inside('model.json'), '--shape', 'tokens']],
  [2, /cannot read missing\.json: there is no such file \(ENOENT\)/, () => ['missing.json']],
  [2, /shard1of2\.bin is no model of TensorFlow\.js/, () => [inside('group1-shard1of2.bin')]],
  [2, /--shape: the model has no input 'tokens'; expected dense_\w+_input\n/, () => [inside('model.json'), '--shape', 'tokens=batch,4']],
  [1, /cannot write to .*: its folder does not exist \(ENOENT\)/, () => [inside('model.json'), '--out', inside('none/a.onnx')]],
])('answers a mistake with exit code %i and %s', async (code, message, args) => {
  const result = await call(...args());
  expect(result.err).toMatch(/^error: .*\n$/);
  expect(result.err).toMatch(message);
  expect([result.code, result.out]).toEqual([code, '']);
});

it('names the package that is missing beside it, and passes another error on', () => {
  let error: unknown;
  try {
    createRequire(import.meta.url)('@mdiff/none');
  } catch (thrown) {
    error = thrown;
  }
  expect(absentPeer(error, '@mdiff/other')).toBe(error);
  expect(absentPeer(error, '@mdiff/none')).toMatchObject({
    code: 'MDIFF_TRACE',
    message: '@mdiff/trace needs @mdiff/none, which is not installed; install it with: npm install @mdiff/none',
  });
});

it('has a help', async () => {
  expect(await call('--help')).toEqual({ code: 0, err: '', out: expect.stringContaining('Usage: mdiff-trace <model.json>') as string });
});
