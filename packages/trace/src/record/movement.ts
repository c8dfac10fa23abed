import { tf } from '../tf.js';
import type { Value } from './recorder.js';
import { axesOf, axisOf, cast, define, reshape, recordKernel, refuseType } from './rules.js';

/** Recording rules of kernels that reshape, cut and join values. */

const { util, backend_util, slice_util } = tf;

define('Reshape', ['x'], () =>
  (r, [x], { shape }) => [reshape(r, x!, util.inferFromImplicitShape(shape as number[], util.sizeFromShape(x!.shape)))]);
define('ExpandDims', ['input'], () =>
  (r, [x], attrs) => {
    const dim = attrs.dim as number;
    const shape = x!.shape.slice();
    shape.splice(dim < 0 ? shape.length + dim + 1 : dim, 0, 1);
    return [reshape(r, x!, shape)];
  });
define('Transpose', ['x'], (name) =>
  (r, [x], { perm }) => [
    r.emit(
      name,
      [x!],
      { perm: (perm as number[]).slice() },
      (perm as number[]).map((axis) => x!.shape[axis]!),
      x!.dtype,
    ),
  ]);
define('Tile', ['x'], (name) =>
  (r, [x], { reps }) => [
    r.emit(
      name,
      [x!],
      { reps: (reps as number[]).slice() },
      x!.shape.map((dim, i) => dim * (reps as number[])[i]!),
      x!.dtype,
    ),
  ]);
define('BroadcastTo', ['x'], () =>
  (r, [x], attrs) => {
    const shape = attrs.shape as number[];
    const aligned = [...shape.slice(x!.shape.length).map(() => 1), ...x!.shape];
    const y = aligned.length === x!.shape.length ? x! : reshape(r, x!, aligned);
    return recordKernel(r, 'Tile', [y], { reps: shape.map((dim, i) => (aligned[i] === 1 ? dim : 1)) });
  });
define('Reverse', ['x'], (name) =>
  (r, [x], { dims }) => {
    const axes = axesOf(dims, x!.shape);
    return [x!.shape.length === 0 || axes.length === 0 ? x! : r.emit(name, [x!], { dims: axes }, x!.shape, x!.dtype)];
  });
define('PadV2', ['x'], (name) =>
  (r, [x], attrs) => {
    const paddings = (attrs.paddings as [number, number][]).map((pair) => pair.slice());
    return [
      r.emit(
        name,
        [x!],
        { paddings, constantValue: attrs.constantValue as number },
        x!.shape.map((dim, i) => dim + paddings[i]![0]! + paddings[i]![1]!),
        x!.dtype,
      ),
    ];
  });
define('MirrorPad', ['x'], (name) =>
  (r, [x], attrs) => {
    const paddings = (attrs.paddings as [number, number][]).map((pair) => pair.slice());
    const mode = attrs.mode as string;
    if (mode === 'reflect')
      return [
        r.emit(
          name,
          [x!],
          { paddings, mode },
          x!.shape.map((dim, i) => dim + paddings[i]![0]! + paddings[i]![1]!),
          x!.dtype,
        ),
      ];
    // ONNX has no symmetric mode: a gather with the mirrored indices gives the same result.
    let y = x!;
    paddings.forEach(([before, after], axis) => {
      if (before === 0 && after === 0) return;
      const dim = x!.shape[axis]!;
      const index = Array.from({ length: dim + before! + after! }, (_, i) => {
        const j = i - before!;
        return j < 0 ? -j - 1 : j < dim ? j : 2 * dim - 1 - j;
      });
      [y] = recordKernel(r, 'GatherV2', [y, r.constant(index, [index.length], 'int32')], { axis, batchDims: 0 }) as [Value];
    });
    return [y];
  });
define('Slice', ['x'], (name) =>
  (r, [x], attrs) => {
    const [begin, extent] = slice_util.parseSliceParams(x as unknown as tf.Tensor, attrs.begin as number[], attrs.size as number[]);
    slice_util.assertParamsValid(x as unknown as tf.Tensor, begin!, extent!);
    return [x!.shape.length === 0 ? x! : r.emit(name, [x!], { begin: begin!, size: extent! }, extent!, x!.dtype)];
  });
define('StridedSlice', ['x'], (name) =>
  (r, [x], a) => {
    const info = slice_util.sliceInfo(
      x!.shape,
      a.begin as number[],
      a.end as number[],
      a.strides as number[],
      a.beginMask as number,
      a.endMask as number,
      a.ellipsisMask as number,
      a.newAxisMask as number,
      a.shrinkAxisMask as number,
    );
    const { begin, end, strides, finalShape, isIdentity } = info;
    if (isIdentity) return [reshape(r, x!, finalShape)];
    const extent = slice_util.computeOutShape(begin, end, strides);
    let y = x!;
    if (strides.every((stride) => stride === 1)) [y] = recordKernel(r, 'Slice', [y], { begin, size: extent }) as [Value];
    else {
      // A negative stride is a reversal followed by a positive stride.
      const backwards = strides.flatMap((stride, axis) => (stride < 0 ? [axis] : []));
      if (backwards.length > 0) [y] = recordKernel(r, 'Reverse', [y], { dims: backwards }) as [Value];
      const first = begin.map((start, axis) => (strides[axis]! < 0 ? x!.shape[axis]! - 1 - start : start));
      const steps = strides.map(Math.abs);
      const last = first.map((start, axis) => start + Math.max(0, extent[axis]! - 1) * steps[axis]! + (extent[axis]! > 0 ? 1 : 0));
      const masks = { beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 };
      y = r.emit(name, [y], { begin: first, end: last, strides: steps, ...masks }, extent, x!.dtype);
    }
    return [util.arraysEqual(y.shape, finalShape) ? y : reshape(r, y, finalShape)];
  });
define('Concat', 'list', (name) => (r, inputs, attrs) => {
  const axis = axisOf(attrs.axis, inputs[0]!.shape);
  const { dtype } = inputs[0]!;
  backend_util.assertParamsConsistent(
    inputs.map((input) => input.shape),
    axis,
  );
  if (dtype === 'bool' && inputs.some((input) => input.dtype !== 'bool')) refuseType(name, 'bool and numbers', 'cast the flags first');
  const shape = backend_util.computeOutShape(
    inputs.map((input) => input.shape),
    axis,
  );
  // The result has the type of the first part.
  const parts = inputs.map((input) => cast(r, input, dtype));
  return [inputs.length === 1 ? inputs[0]! : r.emit(name, parts, { axis }, shape, dtype)];
});
define('Pack', 'list', () => (r, inputs, attrs) => {
  const axis = attrs.axis as number;
  for (const input of inputs)
    util.assertShapesMatch(inputs[0]!.shape, input.shape, 'All tensors passed to stack must have matching shapes');
  const mixed = inputs.find((input) => input.dtype !== inputs[0]!.dtype);
  if (mixed) refuseType('Pack', `${inputs[0]!.dtype} and ${mixed.dtype}`, 'cast one of them to the type of the other');
  const parts = inputs.flatMap((input) => recordKernel(r, 'ExpandDims', [input], { dim: axis }));
  return recordKernel(r, 'Concat', parts, { axis: axis < 0 ? axis + parts[0]!.shape.length : axis });
});
define('SplitV', ['x'], (name) =>
  (r, [x], attrs) => {
    const axis = axisOf(attrs.axis, x!.shape);
    const sizes = backend_util.prepareSplitSize(x as unknown as tf.Tensor, attrs.numOrSizeSplits as number[], axis);
    return r.emitAll(
      name,
      [x!],
      { numOrSizeSplits: sizes, axis },
      sizes.map((dim) => ({ shape: x!.shape.map((d, i) => (i === axis ? dim : d)), dtype: x!.dtype })),
    );
  });
define('Unpack', ['value'], () =>
  (r, [x], attrs) => {
    const axis = axisOf(attrs.axis, x!.shape);
    const parts = recordKernel(r, 'SplitV', [x!], { numOrSizeSplits: x!.shape[axis]!, axis });
    return parts.map((part) =>
      reshape(
        r,
        part,
        part.shape.filter((_, i) => i !== axis),
      ),
    );
  });
