import { equal, isExtent, type Dim } from '../graph/extent.js';
import type { GraphNode } from '../graph/graph.js';
import { isBroadcast } from '../graph/shapes.js';
import { TO_END, type Emitter, type Lowering } from './emitter.js';

/** ONNX lowerings of kernels that reshape, cut and join values. */

const named = (node: GraphNode): { outputs: string[] } => ({ outputs: node.outputs });
const dims = (node: GraphNode, key: string): Dim[] => node.attrs[key] as Dim[];

/** begin + size of each axis as an int64 vector. */
function ends(begin: readonly Dim[], extent: readonly Dim[], input: readonly Dim[], emit: Emitter): string {
  const sums = begin.map((start, i): Dim | undefined => {
    const length = extent[i]!;
    if (start === 0) return equal(length, input[i]!) ? TO_END : length;
    if (!isExtent(start) && !isExtent(length)) return start + length;
    if (!isExtent(start)) return { ...(length as typeof length & object), constant: (length as { constant: number }).constant + start };
    return isExtent(length) ? undefined : { ...start, constant: start.constant + length };
  });
  if (sums.every((sum) => sum !== undefined)) return emit.shape(sums);
  return emit.add('Add', [emit.shape(begin), emit.shape(extent)]);
}

export const MOVEMENT: Record<string, Lowering> = {
  Reshape: (node, emit) => void emit.reshape(node.inputs[0]!, emit.info(node.inputs[0]!).shape, dims(node, 'shape'), node.outputs[0]),
  Transpose: (node, emit) => void emit.add('Transpose', node.inputs, { perm: { ints: node.attrs.perm as number[] } }, named(node)),
  Tile: (node, emit) => {
    const reps = dims(node, 'reps');
    const input = emit.info(node.inputs[0]!).shape;
    if (isBroadcast(input, reps)) emit.add('Expand', [node.inputs[0]!, emit.shape(emit.info(node.outputs[0]!).shape)], {}, named(node));
    else emit.add('Tile', [node.inputs[0]!, emit.shape(reps)], {}, named(node));
  },
  Reverse: (node, emit) => {
    const axes = node.attrs.dims as number[];
    const all = (value: number): string => emit.ints(axes.map(() => value));
    emit.add('Slice', [node.inputs[0]!, all(-1), all(-TO_END), emit.ints(axes), all(-1)], {}, named(node));
  },
  PadV2: (node, emit) => {
    const pairs = node.attrs.paddings as Dim[][];
    const { dtype } = emit.info(node.inputs[0]!);
    const pads = emit.shape([...pairs.map((pair) => pair[0]!), ...pairs.map((pair) => pair[1]!)]);
    emit.add('Pad', [node.inputs[0]!, pads, emit.scalar(node.attrs.constantValue as Dim, dtype)], {}, named(node));
  },
  MirrorPad: (node, emit) => {
    const pairs = node.attrs.paddings as Dim[][];
    const pads = emit.shape([...pairs.map((pair) => pair[0]!), ...pairs.map((pair) => pair[1]!)]);
    emit.add('Pad', [node.inputs[0]!, pads], { mode: { string: 'reflect' } }, named(node));
  },
  Slice: (node, emit) => {
    const input = emit.info(node.inputs[0]!).shape;
    const [begin, extent] = [dims(node, 'begin'), dims(node, 'size')];
    // ONNX slices only the axes that it is given.
    const axes = input.flatMap((dim, axis) => (begin[axis] === 0 && equal(extent[axis]!, dim) ? [] : [axis]));
    if (axes.length === 0) return void emit.add('Identity', node.inputs, {}, named(node));
    const pick = (list: readonly Dim[]): Dim[] => axes.map((axis) => list[axis]!);
    emit.add(
      'Slice',
      [node.inputs[0]!, emit.shape(pick(begin)), ends(pick(begin), pick(extent), pick(input), emit), emit.ints(axes)],
      {},
      named(node),
    );
  },
  StridedSlice: (node, emit) => {
    const axes = emit.info(node.inputs[0]!).shape.map((_, axis) => axis);
    emit.add(
      'Slice',
      [node.inputs[0]!, emit.shape(dims(node, 'begin')), emit.shape(dims(node, 'end')), emit.ints(axes), emit.shape(dims(node, 'strides'))],
      {},
      named(node),
    );
  },
  Concat: (node, emit) => void emit.add('Concat', node.inputs, { axis: { int: node.attrs.axis as number } }, named(node)),
  SplitV: (node, emit) =>
    void emit.add(
      'Split',
      [node.inputs[0]!, emit.shape(dims(node, 'numOrSizeSplits'))],
      { axis: { int: node.attrs.axis as number } },
      named(node),
    ),
};
