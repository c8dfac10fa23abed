import type { Dtype } from '../graph/graph.js';
import { cast, define } from './rules.js';

/** Recording rules of values that are made from attributes. */

define('Fill', [], (name) => (r, _inputs, a) => {
  const dtype = ((a.dtype as Dtype) ?? 'float32') as Dtype;
  return [r.emit(name, [], { shape: (a.shape as number[]).slice(), value: Number(a.value), dtype }, a.shape as number[], dtype)];
});
define(['ZerosLike', 'OnesLike'], ['x'], (name) => (r, [x]) => [
  r.emit('Fill', [], { shape: x!.shape.slice(), value: name === 'OnesLike' ? 1 : 0, dtype: x!.dtype }, x!.shape, x!.dtype),
]);
define('Range', [], (name) => (r, _inputs, a) => {
  const [start, stop, step] = [a.start as number, a.stop as number, a.step as number];
  const dtype = ((a.dtype as Dtype) ?? 'float32') as Dtype;
  return [r.emit(name, [], { start, stop, step, dtype }, [Math.max(0, Math.ceil((stop - start) / step))], dtype)];
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
