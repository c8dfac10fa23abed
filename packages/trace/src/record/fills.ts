import type { Dtype } from '../graph/graph.js';
import { arrayOf } from '../graph/arrays.js';
import { cast, define, refuseType } from './rules.js';

/** Recording rules of values that are made from attributes. */

define('Fill', [], (name) => (r, _inputs, a) => {
  const dtype = ((a.dtype as Dtype) ?? 'float32') as Dtype;
  if (!['float32', 'int32', 'bool'].includes(dtype)) refuseType(name, dtype, 'use float32, int32 or bool');
  return [r.emit(name, [], { shape: (a.shape as number[]).slice(), value: Number(a.value), dtype }, a.shape as number[], dtype)];
});
define(['ZerosLike', 'OnesLike'], ['x'], (name) => (r, [x]) => [
  r.emit('Fill', [], { shape: x!.shape.slice(), value: name === 'OnesLike' ? 1 : 0, dtype: x!.dtype }, x!.shape, x!.dtype),
]);
define('Range', [], (name) => (r, _inputs, a) => {
  const [start, stop] = [a.start as number, a.stop as number];
  const dtype = ((a.dtype as Dtype) ?? 'float32') as Dtype;
  if (dtype === 'bool') refuseType(name, 'bool', "make a range of 'int32' and cast it");
  // As in TensorFlow.js, a range counts down only where its step is absent.
  const step = stop < start && a.step === 1 ? -1 : (a.step as number);
  const empty = start === stop || stop < start !== step < 0;
  const count = empty ? 0 : Math.abs(Math.ceil((stop - start) / step));
  if (empty) return [r.constant([], [0], dtype)];
  if ([start, stop, step].every(Number.isInteger)) return [r.emit(name, [], { start, stop, step, dtype }, [count], dtype)];
  // TensorFlow.js adds the step again and again, in the type of the range.
  const values = arrayOf(dtype, new Array<number>(count).fill(0));
  values[0] = start;
  for (let i = 1; i < count; i++) values[i] = values[i - 1]! + step;
  return [r.constant(values, [count], dtype)];
});
define('LinSpace', [], () => (r, _inputs, a) => {
  const [start, stop, num] = [a.start as number, a.stop as number, a.num as number];
  const values = Array.from({ length: num }, (_, i) => start + (num === 1 ? 0 : (i * (stop - start)) / (num - 1)));
  return [r.constant(values, [num], 'float32')];
});
define('OneHot', ['indices'], (name) =>
  (r, [indices], a) => {
    const dtype = ((a.dtype as Dtype) ?? 'int32') as Dtype;
    const attrs = { depth: a.depth as number, onValue: a.onValue as number, offValue: a.offValue as number, dtype };
    return [r.emit(name, [cast(r, indices!, 'int32')], attrs, [...indices!.shape, attrs.depth], dtype)];
  });
