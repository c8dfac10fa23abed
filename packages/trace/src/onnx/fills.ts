import { isExtent, type Dim } from '../graph/extent.js';
import type { Dtype, GraphNode } from '../graph/graph.js';
import type { Lowering } from './emitter.js';

/** ONNX lowerings of kernels that make values from attributes. */

const named = (node: GraphNode): { outputs: string[] } => ({ outputs: node.outputs });

export const FILLS: Record<string, Lowering> = {
  Fill: (node, emit) => {
    const shape = node.attrs.shape as Dim[];
    const value = node.attrs.value as Dim;
    const dtype = node.attrs.dtype as Dtype;
    if (isExtent(value)) return void emit.add('Expand', [emit.scalar(value, dtype), emit.shape(shape)], {}, named(node));
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
      ['start', 'stop', 'step'].map((key) => emit.scalar(node.attrs[key] as Dim, dtype)),
      {},
      named(node),
    );
  },
  OneHot: (node, emit) => {
    const { depth, onValue, offValue } = node.attrs as { depth: Dim; onValue: number; offValue: number };
    const dtype = node.attrs.dtype as Dtype;
    const rank = emit.info(node.inputs[0]!).shape.length;
    // Some execution providers have no OneHot.
    const column = emit.add('Unsqueeze', [node.inputs[0]!, emit.ints([rank])]);
    const classes = isExtent(depth)
      ? emit.add('Range', [emit.scalar(0, 'int32'), emit.scalar(depth, 'int32'), emit.scalar(1, 'int32')])
      : emit.tensor(
          'int32',
          [depth],
          Array.from({ length: depth }, (_, i) => i),
        );
    const hit = emit.add('Equal', [column, classes]);
    if (dtype === 'bool' && onValue && !offValue) emit.add('Identity', [hit], {}, named(node));
    else if (onValue === 1 && offValue === 0) emit.cast(hit, dtype, node.outputs[0]);
    // ONNX Runtime's Where does not take flags.
    else if (dtype === 'bool')
      emit.cast(
        emit.add('Where', [hit, emit.scalar(Number(Boolean(onValue)), 'int32'), emit.scalar(Number(Boolean(offValue)), 'int32')]),
        dtype,
        node.outputs[0],
      );
    else emit.add('Where', [hit, emit.scalar(onValue, dtype), emit.scalar(offValue, dtype)], {}, named(node));
  },
};
