import { tf } from '../tf.js';
import { TraceError } from '../error.js';
import type { Attrs, Dtype } from '../graph/graph.js';
import type { Recorder, Value } from './recorder.js';

/** Records one kernel call and returns its outputs. */
export type Recording = (recorder: Recorder, inputs: Value[], attrs: Record<string, unknown>) => Value[];

export interface Kernel {
  /** Names of the inputs in the tfjs call, in order; `list` when it takes an array. */
  keys: readonly string[] | 'list';
  record: Recording;
}

/**
 * The recording rule of each TensorFlow.js kernel. A rule infers shapes and resolves attributes (negative axes, −1 sizes, masks).
 * It writes kernels that others can express as those others (Pack, ExpandDims, OnesLike, fused products).
 * Shape rules are those of the tfjs-cpu kernels of 4.22.
 */
export const kernels = new Map<string, Kernel>();

/** Adds the recording rule of one or several kernels. */
export function define(names: string | readonly string[], keys: readonly string[] | 'list', recording: (name: string) => Recording): void {
  for (const name of typeof names === 'string' ? [names] : names) kernels.set(name, { keys, record: recording(name) });
}

/** Records a call of another kernel from within a rule; `inputs` are in the order of the kernel's `keys`. */
export function recordKernel(recorder: Recorder, name: string, inputs: Value[], attrs: Attrs | Record<string, unknown>): Value[] {
  return kernels.get(name)!.record(recorder, inputs, attrs);
}

/** Records a call of a kernel that has one output. */
export const call = (r: Recorder, kernel: string, inputs: Value[], attrs: Record<string, unknown> = {}): Value =>
  recordKernel(r, kernel, inputs, attrs)[0]!;

export const cast = (r: Recorder, x: Value, dtype: Dtype): Value =>
  x.dtype === dtype ? x : r.emit('Cast', [x], { dtype }, x.shape, dtype);

export const reshape = (r: Recorder, x: Value, shape: number[]): Value => r.emit('Reshape', [x], { shape: shape.slice() }, shape, x.dtype);

/** Non-negative axes in ascending order; all of them for null. */
export const axesOf = (axis: unknown, shape: number[]): number[] =>
  [...tf.util.parseAxisParam(axis as number | number[], shape)].sort((a, b) => a - b);

export const axisOf = (axis: unknown, shape: number[]): number => tf.util.parseAxisParam(axis as number, shape)[0]!;

/** Type of a sum: flags are summed as int32. */
export const numeric = (x: Value): Dtype => (x.dtype === 'bool' ? 'int32' : x.dtype);

/** Refuses a type that ONNX and TensorFlow.js treat differently, instead of a result that differs. */
export function refuseType(kernel: string, types: string, remedy: string): never {
  throw new TraceError(`${kernel} of ${types} cannot be traced: ${remedy}`);
}

/** Type of both inputs. @throws TraceError where they differ or are flags, of which there is no arithmetic */
export function arithmeticType(kernel: string, a: Value, b: Value): Dtype {
  if (a.dtype !== b.dtype) refuseType(kernel, `${a.dtype} and ${b.dtype}`, 'cast one of them to the type of the other');
  if (a.dtype === 'bool') refuseType(kernel, 'bool', "cast flags with tf.cast(x, 'int32') first");
  return a.dtype;
}
