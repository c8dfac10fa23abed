import { tf } from './tf.js';
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { beforeAll, expect, it } from 'vitest';
import { compile, optimize, toOnnx, trace, type CompiledModel } from './index.js';

const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const programs = [...text.matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code!.replace(/^import .*\n/gm, ''));

/** Runs a program of the README and returns one of its variables. */
function run<T>(program: number, variable: string): Promise<T> {
  const names = ['tf', 'ort', 'trace', 'optimize', 'toOnnx', 'compile'];
  const body = `return (async () => { ${programs[program]!}; return ${variable}; })()`;
  return (new Function(...names, body) as (...modules: unknown[]) => Promise<T>)(tf, ort, trace, optimize, toOnnx, compile);
}

beforeAll(() => tf.setBackend('cpu'));

it('the function of the README becomes a model', async () => {
  const results = await run<Record<string, ort.Tensor>>(0, 'results');
  // x·w = 1.5, 3.5, 5.5 against 1, 2, 3: errors .5, 1.5, 2.5, all exact in float32 but the division by three.
  expect(results.loss!.data[0]).toBeCloseTo(8.75 / 3, 6);
  expect(results.gradient!.dims).toEqual([2, 1]);
  expect(Array.from(results.gradient!.data as Float32Array, (value) => Math.round(value * 3))).toEqual([35, 44]);
});

it('the layers of the README become a prediction and a step', async () => {
  const { graph, state } = await run<CompiledModel>(1, 'step');
  expect(graph.outputs.map(({ name }) => name)).toEqual(['loss']);
  expect(graph.updates.map(({ variable }) => variable).sort()).toEqual(Object.keys(state).sort());
  expect(Object.keys(state)).toHaveLength(2 + 2 * 2 + 2);
  expect(await run<Uint8Array>(1, 'bytes')).toBeInstanceOf(Uint8Array);
});
