import type { Dim } from '../graph/extent.js';
import type { TfLowering } from './emitter.js';

/** TensorFlow lowerings of reductions and of kernels that work along one axis. */

const reduction =
  (op: string, key: string): TfLowering =>
  (node, [x], emit) =>
    emit.typed(op, emit.info(node.inputs[0]!).dtype, [x!, emit.ints(node.attrs[key] as number[])], {
      Tidx: { type: 'int32' },
      keep_dims: { bool: Boolean(node.attrs.keepDims) },
    });
const logical =
  (op: string): TfLowering =>
  (node, [x], emit) =>
    emit.add(op, [x!, emit.ints(node.attrs.axis as number[])], {
      Tidx: { type: 'int32' },
      keep_dims: { bool: Boolean(node.attrs.keepDims) },
    });
const arg =
  (op: string): TfLowering =>
  (node, [x], emit) =>
    emit.typed(op, emit.info(node.inputs[0]!).dtype, [x!, emit.scalar(node.attrs.axis as number, 'int32')], {
      Tidx: { type: 'int32' },
      output_type: { type: 'int32' },
    });

export const REDUCTIONS: Record<string, TfLowering> = {
  Sum: reduction('Sum', 'axis'),
  Mean: reduction('Mean', 'axis'),
  Prod: reduction('Prod', 'axis'),
  Min: reduction('Min', 'axis'),
  Max: reduction('Max', 'reductionIndices'),
  All: logical('All'),
  Any: logical('Any'),
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  Softmax: (node, [x], emit) => {
    const axis = node.attrs.dim as number;
    if (emit.ops.softmax !== undefined && axis === 1 && emit.info(node.inputs[0]!).shape.length === 2)
      return emit.add(emit.ops.softmax, [x!]);
    if (axis === emit.info(node.inputs[0]!).shape.length - 1) return emit.typed('Softmax', 'float32', [x!]);
    const along = { Tidx: { type: 'int32' }, keep_dims: { bool: true } } as const;
    const most = emit.typed('Max', 'float32', [x!, emit.ints([axis])], along);
    const powers = emit.typed('Exp', 'float32', [emit.typed('Sub', 'float32', [x!, most])]);
    return emit.typed('RealDiv', 'float32', [powers, emit.typed('Sum', 'float32', [powers, emit.ints([axis])], along)]);
  },
  Cumsum: (node, [x], emit) =>
    emit.typed('Cumsum', emit.info(node.inputs[0]!).dtype, [x!, emit.scalar(node.attrs.axis as number, 'int32')], {
      Tidx: { type: 'int32' },
      exclusive: { bool: node.attrs.exclusive as boolean },
      reverse: { bool: node.attrs.reverse as boolean },
    }),
  TopK: (node, [x], emit) => {
    const first = emit.typed('TopKV2', emit.info(node.inputs[0]!).dtype, [x!, emit.scalar(node.attrs.k as Dim, 'int32')], {
      sorted: { bool: node.attrs.sorted as boolean },
    });
    return [first, `${first}:1`];
  },
};
