import { TraceError } from '../error.js';
import type { Recorder, Value } from './recorder.js';
import { axisOf, cast, define, refuseType, reshape } from './rules.js';

/** Recording rules of gathers and scatters. */

define('GatherV2', ['x', 'indices'], (name) =>
  (r, [x, indices], attrs) => {
    const axis = axisOf(attrs.axis, x!.shape);
    const given = (attrs.batchDims as number) ?? 0;
    const batchDims = given < 0 ? given + indices!.shape.length : given;
    const shape = [...x!.shape.slice(0, axis), ...indices!.shape.slice(batchDims), ...x!.shape.slice(axis + 1)];
    return [r.emit(name, [x!, indices!], { axis, batchDims }, shape, x!.dtype)];
  });
define('GatherNd', ['params', 'indices'], (name) =>
  (r, [params, indices]) => {
    const depth = indices!.shape.at(-1) ?? 0;
    if (depth > params!.shape.length)
      throw new TraceError(`${name} with indices of ${depth} axes into a tensor of rank ${params!.shape.length}; use at most as many`);
    const shape = [...indices!.shape.slice(0, -1), ...params!.shape.slice(indices!.shape.at(-1))];
    return [r.emit(name, [params!, indices!], {}, shape, params!.dtype)];
  });
/** TensorFlow.js takes indices of one axis, or a single one, as indices of one number each. */
const columns = (r: Recorder, indices: Value): Value =>
  indices.shape.length > 1 ? indices : reshape(r, indices, [indices.shape[0] ?? 1, 1]);

define('ScatterNd', ['indices', 'updates'], (name) =>
  (r, [indices, updates], { shape }) => {
    if (updates!.dtype === 'bool') refuseType(name, 'bool', "cast flags with tf.cast(x, 'int32') first");
    return [r.emit(name, [columns(r, indices!), updates!], { shape: (shape as number[]).slice() }, shape as number[], updates!.dtype)];
  });
define('TensorScatterUpdate', ['tensor', 'indices', 'updates'], (name) =>
  (r, [tensor, indices, updates]) => [r.emit(name, [tensor!, columns(r, indices!), updates!], {}, tensor!.shape, tensor!.dtype)]);
define('UnsortedSegmentSum', ['x', 'segmentIds'], (name) =>
  (r, [x, ids], attrs) => {
    const numSegments = attrs.numSegments as number;
    if (ids!.shape.some((dim, axis) => dim !== x!.shape[axis]))
      throw new TraceError(
        `${name}: segment ids of shape [${ids!.shape.join()}] do not fit values of shape [${x!.shape.join()}]; give one id a row`,
      );
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
