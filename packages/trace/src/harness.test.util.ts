import { tf } from './tf.js';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { Dtype, Graph, TypedArray } from './graph/graph.js';
import { toOnnx, type OnnxOptions } from './onnx/model.js';

/** Test-only: run graphs in ONNX Runtime and compare with tfjs-cpu. */

export interface HostTensor {
  shape: number[];
  dtype: Dtype;
  data: TypedArray;
}

export const host = (tensor: tf.Tensor): HostTensor => ({
  shape: tensor.shape.slice(),
  dtype: tensor.dtype as Dtype,
  data: tensor.dataSync().slice() as TypedArray,
});

const dump = process.env.MDIFF_ONNX_DUMP;
let dumped = 0;

/** Writes the model to the folder in MDIFF_ONNX_DUMP, if set, so that checks/python/graphs.py can check every model of the tests. */
function keep(bytes: Uint8Array, label: string): void {
  if (!dump) return;
  mkdirSync(dump, { recursive: true });
  writeFileSync(
    join(
      dump,
      `${process.env.VITEST_WORKER_ID ?? process.pid}-${String(dumped++).padStart(4, '0')}-${label.replace(/[^\w-]+/g, '_').slice(0, 60)}.onnx`,
    ),
    bytes,
  );
}

export async function session(graph: Graph, options: OnnxOptions = {}, label = 'model', threads = 1): Promise<ort.InferenceSession> {
  const bytes = toOnnx(graph, options);
  if (!options.contrib) keep(bytes, label);
  return ort.InferenceSession.create(bytes, { intraOpNumThreads: threads, logSeverityLevel: 3 });
}

export async function run(model: ort.InferenceSession, feeds: Record<string, HostTensor>): Promise<Record<string, HostTensor>> {
  const tensors = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, data, shape }]) => [name, new ort.Tensor(dtype, data as Float32Array, shape)]),
  );
  const results = await model.run(tensors);
  return Object.fromEntries(
    Object.entries(results).map(([name, value]) => [
      name,
      { shape: [...value.dims], dtype: value.type as Dtype, data: value.data as TypedArray },
    ]),
  );
}

/** Largest |a − b| / (1 + |b|) over two tensors of one shape; NaN equals NaN, and an infinity equals itself. */
export function deviation(actual: HostTensor, expected: HostTensor): number {
  if (actual.dtype !== expected.dtype || actual.shape.join() !== expected.shape.join()) {
    throw new Error(`expected ${expected.dtype}[${expected.shape.join()}], got ${actual.dtype}[${actual.shape.join()}]`);
  }
  let worst = 0;
  expected.data.forEach((value, i) => {
    const other = actual.data[i]!;
    if (Object.is(value, other) || value === other) return;
    const difference = Math.abs(value - other) / (1 + Math.abs(value));
    worst = Math.max(worst, Number.isNaN(difference) ? Infinity : difference);
  });
  return worst;
}

/** `tf.tidy` for functions that return plain data. */
export const tidy = <T>(fn: () => T): T => tf.tidy(fn as () => tf.TensorContainer) as T;

/** Tensor with the values of `value`, on the current backend. */
export const tensor = (value: HostTensor): tf.Tensor => tf.tensor(value.data, value.shape, value.dtype);
