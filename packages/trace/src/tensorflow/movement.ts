import type { Dim } from '../graph/extent.js';
import type { Dtype, GraphNode } from '../graph/graph.js';
import { isBroadcast } from '../graph/shapes.js';
import type { TfEmitter, TfLowering } from './emitter.js';

/** TensorFlow lowerings of kernels that reshape, cut and join values. */

const typeOf = (node: GraphNode, emit: TfEmitter, input = 0): Dtype => emit.info(node.inputs[input]!).dtype;
const dims = (node: GraphNode, key: string): Dim[] => node.attrs[key] as Dim[];
const INT = { type: 'int32' } as const;

/** [rank, 2] */
function paddings(node: GraphNode, emit: TfEmitter): string {
  const pairs = node.attrs.paddings as Dim[][];
  return emit.reshape(emit.shape(pairs.flat()), 'int32', [pairs.length, 2]);
}

export const MOVEMENT: Record<string, TfLowering> = {
  Reshape: (node, [x], emit) => emit.reshape(x!, typeOf(node, emit), dims(node, 'shape')),
  Transpose: (node, [x], emit) => emit.typed('Transpose', typeOf(node, emit), [x!, emit.ints(node.attrs.perm as number[])], { Tperm: INT }),
  Tile: (node, [x], emit) => {
    const reps = dims(node, 'reps');
    if (isBroadcast(emit.info(node.inputs[0]!).shape, reps))
      return emit.typed('BroadcastTo', typeOf(node, emit), [x!, emit.shape(emit.info(node.outputs[0]!).shape)], { Tidx: INT });
    return emit.typed('Tile', typeOf(node, emit), [x!, emit.shape(reps)], { Tmultiples: INT });
  },
  Reverse: (node, [x], emit) => emit.typed('ReverseV2', typeOf(node, emit), [x!, emit.ints(node.attrs.dims as number[])], { Tidx: INT }),
  PadV2: (node, [x], emit) => {
    const type = typeOf(node, emit);
    return emit.typed('PadV2', type, [x!, paddings(node, emit), emit.scalar(node.attrs.constantValue as Dim, type)], { Tpaddings: INT });
  },
  MirrorPad: (node, [x], emit) =>
    emit.typed('MirrorPad', typeOf(node, emit), [x!, paddings(node, emit)], { Tpaddings: INT, mode: { string: 'REFLECT' } }),
  Slice: (node, [x], emit) =>
    emit.typed('Slice', typeOf(node, emit), [x!, emit.shape(dims(node, 'begin')), emit.shape(dims(node, 'size'))], { Index: INT }),
  StridedSlice: (node, [x], emit) =>
    emit.typed('StridedSlice', typeOf(node, emit), [x!, ...['begin', 'end', 'strides'].map((key) => emit.shape(dims(node, key)))], {
      Index: INT,
    }),
  Concat: (node, inputs, emit) =>
    emit.typed('ConcatV2', typeOf(node, emit), [...inputs, emit.scalar(node.attrs.axis as number, 'int32')], {
      N: { int: inputs.length },
      Tidx: INT,
    }),
  SplitV: (node, [x], emit) => {
    const sizes = dims(node, 'numOrSizeSplits');
    const first = emit.typed('SplitV', typeOf(node, emit), [x!, emit.shape(sizes), emit.scalar(node.attrs.axis as number, 'int32')], {
      num_split: { int: sizes.length },
      Tlen: INT,
    });
    return sizes.map((_, i) => (i === 0 ? first : `${first}:${i}`));
  },
};
