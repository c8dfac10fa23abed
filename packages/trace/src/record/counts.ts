import { TraceError } from '../error.js';
import type { Recorder, Value } from './recorder.js';
import { axisOf, call, cast, define, numeric, recordKernel, reshape } from './rules.js';

/** Recording rules of kernels that count, search and multiply along an axis, written with kernels that every target has. */

/** [0, …, count − 1] of int32 */
const range = (r: Recorder, count: number): Value => call(r, 'Range', [], { start: 0, stop: count, step: 1, dtype: 'int32' });

const whole = (r: Recorder, value: number): Value => r.constant([value], [], 'int32');

/** `to` where a number of `ids` is counted, and −1 elsewhere: TensorFlow leaves out segments below 0, and refuses those that are not below `size`. */
function counting(r: Recorder, ids: Value, to: Value, size: number): Value {
  const within = call(r, 'LogicalAnd', [call(r, 'GreaterEqual', [ids, whole(r, 0)]), call(r, 'Less', [ids, whole(r, size)])]);
  return call(r, 'Select', [within, to, call(r, 'Fill', [], { shape: ids.shape, value: -1, dtype: 'int32' })]);
}

/** How often, or with which weight, each of the numbers below `size` is in `ids`, which holds no larger ones. Integers are counted as integers. */
function counted(r: Recorder, ids: Value, weights: Value, size: number): Value {
  const given = weights.shape.every((dim) => dim > 0);
  if (weights.dtype === 'float32') {
    const values = given ? weights : call(r, 'Fill', [], { shape: ids.shape, value: 1, dtype: 'float32' });
    return call(r, 'UnsortedSegmentSum', [values, ids], { numSegments: size });
  }
  const hit = call(r, 'Equal', [call(r, 'ExpandDims', [ids], { dim: 1 }), reshape(r, range(r, size), [1, size])]);
  const one = cast(r, hit, 'int32');
  const each = given ? call(r, 'Multiply', [one, call(r, 'ExpandDims', [cast(r, weights, 'int32')], { dim: 1 })]) : one;
  return call(r, 'Sum', [each], { axis: [0], keepDims: false });
}

define('Bincount', ['x', 'weights'], () =>
  (r, [x, weights], a) => {
    const [ids, size] = [cast(r, x!, 'int32'), a.size as number];
    return [counted(r, counting(r, ids, ids, size), weights!, size)];
  });

define('DenseBincount', ['x', 'weights'], (name) =>
  (r, [x, weights], a) => {
    const size = a.size as number;
    const ids = cast(r, x!, 'int32');
    const rank = ids.shape.length;
    if (rank === 1) return [counted(r, counting(r, ids, ids, size), weights!, size)];
    if (rank !== 2) throw new TraceError(`${name} of rank ${rank} cannot be traced; give it one or two axes`);
    const [rows, columns] = ids.shape as [number, number];
    // Row by row behind each other, and numbers that are not counted out of every row.
    const first = call(r, 'Multiply', [reshape(r, range(r, rows), [rows, 1]), whole(r, size)]);
    const placed = counting(r, ids, call(r, 'Add', [ids, first]), size);
    const given = weights!.shape.every((dim) => dim > 0) && a.binaryOutput !== true;
    const none = r.constant([], [0], weights!.dtype);
    const flat = counted(r, reshape(r, placed, [rows * columns]), given ? reshape(r, weights!, [rows * columns]) : none, rows * size);
    const table = reshape(r, flat, [rows, size]);
    if (a.binaryOutput !== true) return [table];
    const zero = r.constant([0], [], table.dtype);
    return [cast(r, call(r, 'Greater', [table, zero]), table.dtype)];
  });

/** As many numbers of each sorted row are below a value (or not above it), as its place in the row. */
define('SearchSorted', ['sortedSequence', 'values'], () =>
  (r, [sorted, values], { side }) => {
    const rows = call(r, 'ExpandDims', [sorted!], { dim: 1 });
    const sought = call(r, 'ExpandDims', [values!], { dim: 2 });
    const below = call(r, side === 'left' ? 'Less' : 'LessEqual', [rows, sought]);
    return [call(r, 'Sum', [cast(r, below, 'int32')], { axis: [2], keepDims: false })];
  });

define('Diag', ['x'], () =>
  (r, [x]) => {
    const count = x!.shape.reduce((a, b) => a * b, 1);
    const places = range(r, count);
    const on = call(r, 'Equal', [reshape(r, places, [count, 1]), reshape(r, places, [1, count])]);
    const repeated = call(r, 'BroadcastTo', [reshape(r, x!, [1, count])], { shape: [count, count] });
    const zeros = call(r, 'Fill', [], { shape: [count, count], value: 0, dtype: x!.dtype });
    return [reshape(r, call(r, 'Select', [on, repeated, zeros]), [...x!.shape, ...x!.shape])];
  });

/** Products of 2, 4, 8, … neighbours, each of two of the step before: log₂ of the axis steps (Hillis and Steele 1986). */
define('Cumprod', ['x'], () =>
  (r, [x], a) => {
    const axis = axisOf(a.axis, x!.shape);
    const count = x!.shape[axis]!;
    const shifted = (value: Value, by: number): Value => {
      const left = Math.min(by, count);
      const size = value.shape.map((dim, i) => (i === axis ? dim - left : dim));
      const cut = call(r, 'Slice', [value], { begin: size.map(() => 0), size });
      return call(r, 'PadV2', [cut], { paddings: size.map((_, i) => [i === axis ? left : 0, 0]), constantValue: 1 });
    };
    const turn = (value: Value): Value => (a.reverse ? call(r, 'Reverse', [value], { dims: [axis] }) : value);
    let y = turn(cast(r, x!, numeric(x!)));
    if (a.exclusive) y = shifted(y, 1);
    for (let by = 1; by < count; by *= 2) [y] = recordKernel(r, 'Multiply', [y, shifted(y, by)], {}) as [Value];
    return [turn(y)];
  });
