import { axisOf, cast, define } from './rules.js';

/** Recording rules of gathers and scatters. */

define('GatherV2', ['x', 'indices'], (name) =>
  (r, [x, indices], attrs) => {
    const axis = axisOf(attrs.axis, x!.shape);
    const batchDims = (attrs.batchDims as number) ?? 0;
    const shape = [...x!.shape.slice(0, axis), ...indices!.shape.slice(batchDims), ...x!.shape.slice(axis + 1)];
    return [r.emit(name, [x!, indices!], { axis, batchDims }, shape, x!.dtype)];
  });
define('GatherNd', ['params', 'indices'], (name) =>
  (r, [params, indices]) => {
    const shape = [...indices!.shape.slice(0, -1), ...params!.shape.slice(indices!.shape.at(-1))];
    return [r.emit(name, [params!, indices!], {}, shape, params!.dtype)];
  });
define('ScatterNd', ['indices', 'updates'], (name) =>
  (r, [indices, updates], { shape }) => [
    r.emit(name, [indices!, updates!], { shape: (shape as number[]).slice() }, shape as number[], updates!.dtype),
  ]);
define('TensorScatterUpdate', ['tensor', 'indices', 'updates'], (name) =>
  (r, [tensor, indices, updates]) => [r.emit(name, [tensor!, indices!, updates!], {}, tensor!.shape, tensor!.dtype)]);
define('UnsortedSegmentSum', ['x', 'segmentIds'], (name) =>
  (r, [x, ids], attrs) => {
    const numSegments = attrs.numSegments as number;
    return [
      r.emit(
        name,
        [cast(r, x!, 'float32'), cast(r, ids!, 'int32')],
        { numSegments },
        [numSegments, ...x!.shape.slice(ids!.shape.length)],
        'float32',
      ),
    ];
  });
