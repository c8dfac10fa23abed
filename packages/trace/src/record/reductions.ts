import type { Dtype } from '../graph/graph.js';
import type { Value } from './recorder.js';
import { axesOf, axisOf, cast, define, numeric, refuseType } from './rules.js';

/** Recording rules of reductions and of kernels that work along one axis. */

function reduction(names: string[], key: string, dtype: (x: Value) => Dtype): void {
  define(names, ['x'], (name) => (r, [x], attrs) => {
    const axes = axesOf(attrs[key], x!.shape);
    const keepDims = Boolean(attrs.keepDims);
    const shape = x!.shape.flatMap((dim, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [dim]));
    if (axes.length === 0) return [cast(r, x!, dtype(x!))];
    if ((name === 'Max' || name === 'Min') && x!.dtype === 'bool') {
      // Flags have an order in TensorFlow.js only.
      const reduced = r.emit(name, [cast(r, x!, 'int32')], { [key]: axes, keepDims }, shape, 'int32');
      return [cast(r, reduced, 'bool')];
    }
    const input =
      name === 'Mean' ? cast(r, x!, 'float32') : (name === 'Sum' || name === 'Prod') && x!.dtype === 'bool' ? cast(r, x!, 'int32') : x!;
    return [r.emit(name, [input], { [key]: axes, keepDims }, shape, dtype(x!))];
  });
}
reduction(['Sum', 'Prod'], 'axis', numeric);
reduction(['Min'], 'axis', (x) => x.dtype);
reduction(['Max'], 'reductionIndices', (x) => x.dtype);
reduction(['Mean'], 'axis', () => 'float32');
reduction(['All', 'Any'], 'axis', () => 'bool');
define(['ArgMax', 'ArgMin'], ['x'], (name) => (r, [x], attrs) => {
  const axis = axisOf(attrs.axis, x!.shape);
  return [
    r.emit(
      name,
      [x!.dtype === 'bool' ? cast(r, x!, 'int32') : x!],
      { axis },
      x!.shape.filter((_, i) => i !== axis),
      'int32',
    ),
  ];
});
define('Softmax', ['logits'], (name) =>
  (r, [x], { dim }) => [r.emit(name, [cast(r, x!, 'float32')], { dim: axisOf(dim, x!.shape) }, x!.shape, 'float32')]);
define('Cumsum', ['x'], (name) =>
  (r, [x], attrs) => [
    r.emit(
      name,
      [x!.dtype === 'bool' ? cast(r, x!, 'int32') : x!],
      { axis: axisOf(attrs.axis, x!.shape), exclusive: Boolean(attrs.exclusive), reverse: Boolean(attrs.reverse) },
      x!.shape,
      numeric(x!),
    ),
  ]);
define('TopK', ['x'], (name) =>
  (r, [x], attrs) => {
    // Sorted also where it need not be, as in TensorFlow.js.
    const shape = [...x!.shape.slice(0, -1), attrs.k as number];
    if (x!.dtype === 'bool') refuseType(name, 'bool', "cast flags with tf.cast(x, 'int32') first");
    return r.emitAll(name, [x!], { k: attrs.k as number, sorted: true }, [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'int32' },
    ]);
  });
