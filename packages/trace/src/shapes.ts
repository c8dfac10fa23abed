import { TO_END, type Emitter, type Lowering } from './emitter.js';
import { equal, isExtent, type Dim } from './extent.js';
import type { Dtype, GraphNode } from './graph.js';

/** ONNX lowerings of kernels that move values about, and of those that make them from attributes. */

const named = (node: GraphNode): { outputs: string[] } => ({ outputs: node.outputs });
const dims = (node: GraphNode, key: string): Dim[] => node.attrs[key] as Dim[];

/** begin + size as an int64 vector. */
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

/** Scalar of type `dtype` with the value of `dim`. */
function scalar(dim: Dim, dtype: Dtype, emit: Emitter): string {
  if (!isExtent(dim)) return emit.scalar(dim, dtype);
  return emit.cast(emit.add('Squeeze', [emit.shape([dim])]), dtype);
}

/** Whether tiling only repeats axes of size one. */
export const isBroadcast = (input: readonly Dim[], reps: readonly Dim[]): boolean => reps.every((rep, i) => rep === 1 || input[i] === 1);

export const SHAPES: Record<string, Lowering> = {
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
    emit.add('Pad', [node.inputs[0]!, pads, scalar(node.attrs.constantValue as Dim, dtype, emit)], {}, named(node));
  },
  MirrorPad: (node, emit) => {
    const pairs = node.attrs.paddings as Dim[][];
    const pads = emit.shape([...pairs.map((pair) => pair[0]!), ...pairs.map((pair) => pair[1]!)]);
    emit.add('Pad', [node.inputs[0]!, pads], { mode: { string: 'reflect' } }, named(node));
  },
  Slice: (node, emit) => {
    const input = emit.info(node.inputs[0]!).shape;
    const [begin, extent] = [dims(node, 'begin'), dims(node, 'size')];
    // Only the axes that are cut.
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
  Fill: (node, emit) => {
    const shape = dims(node, 'shape');
    const value = node.attrs.value as Dim;
    const dtype = node.attrs.dtype as Dtype;
    if (isExtent(value)) return void emit.add('Expand', [scalar(value, dtype, emit), emit.shape(shape)], {}, named(node));
    const tensor = {
      name: '',
      type: dtype,
      dims: [1],
      data: new Uint8Array(
        (dtype === 'float32' ? Float32Array.of(value) : dtype === 'int32' ? Int32Array.of(value) : Uint8Array.of(value ? 1 : 0)).buffer,
      ),
    };
    emit.add('ConstantOfShape', [emit.shape(shape)], { value: { tensor } }, named(node));
  },
  Range: (node, emit) => {
    const dtype = node.attrs.dtype as Dtype;
    emit.add(
      'Range',
      ['start', 'stop', 'step'].map((key) => scalar(node.attrs[key] as Dim, dtype, emit)),
      {},
      named(node),
    );
  },
  OneHot: (node, emit) => {
    const { depth, onValue, offValue } = node.attrs as { depth: Dim; onValue: number; offValue: number };
    const dtype = node.attrs.dtype as Dtype;
    const rank = emit.info(node.inputs[0]!).shape.length;
    // OneHot itself is missing in some execution providers.
    const column = emit.add('Unsqueeze', [node.inputs[0]!, emit.ints([rank])]);
    const classes = isExtent(depth)
      ? emit.add('Range', [emit.scalar(0, 'int32'), scalar(depth, 'int32', emit), emit.scalar(1, 'int32')])
      : emit.tensor(
          'int32',
          [depth],
          Array.from({ length: depth }, (_, i) => i),
        );
    const hit = emit.add('Equal', [column, classes]);
    if (dtype === 'bool' && onValue && !offValue) emit.add('Identity', [hit], {}, named(node));
    else if (onValue === 1 && offValue === 0) emit.cast(hit, dtype, node.outputs[0]);
    else emit.add('Where', [hit, emit.scalar(onValue, dtype), emit.scalar(offValue, dtype)], {}, named(node));
  },
};
