import { tf } from './tf.js';
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { optimize, toOnnx, trace } from './index.js';

it('the example of the README runs', async () => {
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```js\n([^]*?)```/.exec(text)![1]!.replace(/^import .*\n/gm, '');
  await tf.setBackend('cpu');
  const run = new Function('tf', 'ort', 'trace', 'optimize', 'toOnnx', `return (async () => { ${code}; return results; })()`) as (
    ...modules: unknown[]
  ) => Promise<Record<string, ort.Tensor>>;
  const results = await run(tf, ort, trace, optimize, toOnnx);
  // x·w = 1.5, 3.5, 5.5 against 1, 2, 3: errors .5, 1.5, 2.5, all exact in float32 but the division by three.
  expect(results.loss!.data[0]).toBeCloseTo(8.75 / 3, 6);
  expect(results.gradient!.dims).toEqual([2, 1]);
  expect(Array.from(results.gradient!.data as Float32Array, (value) => Math.round(value * 3))).toEqual([35, 44]);
});
