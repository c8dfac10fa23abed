import type { Dim } from '../graph/extent.js';
import type { GraphNode } from '../graph/graph.js';
import type { TfAttr } from './encode.js';
import type { TfEmitter, TfLowering } from './emitter.js';
import { product } from './products.js';

/** TensorFlow lowerings of convolutions over two axes. Those that TensorFlow computes on a GPU only, and pooling, are written as slices. */

/** [1, …, 1] over [batch, height, width, channels] */
const around = (values: readonly number[]): TfAttr => ({ ints: [1, ...values, 1] });

function attrsOf({ attrs }: GraphNode): Record<string, TfAttr> {
  const axes = attrs.axes as number[][];
  // Rows at the end that no window reaches need no padding.
  const borders = axes.map(([, , , before, after]) => [before!, Math.max(0, after!)]);
  const padded = borders.flat().some((rows) => rows > 0);
  return {
    strides: around(axes.map(([, stride]) => stride!)),
    dilations: around(axes.map(([, , dilation]) => dilation!)),
    padding: { string: padded ? 'EXPLICIT' : 'VALID' },
    explicit_paddings: { ints: padded ? [0, 0, ...borders.flat(), 0, 0] : [] },
    data_format: { string: 'NHWC' },
    use_cudnn_on_gpu: { bool: true },
  };
}

const shapeOf = (node: GraphNode, emit: TfEmitter): readonly Dim[] => emit.info(node.outputs[0]!).shape;

export const WINDOWS: Record<string, TfLowering> = {
  Conv2D: (node, inputs, emit) => product('Conv2D', inputs, attrsOf(node), emit),
  Conv2DBackpropInput: (node, [dy, filter], emit) =>
    product('Conv2DBackpropInput', [filter!, dy!], attrsOf(node), emit, (operands) => [emit.shape(shapeOf(node, emit)), ...operands]),
  Conv2DBackpropFilter: (node, inputs, emit) =>
    product('Conv2DBackpropFilter', inputs, attrsOf(node), emit, ([x, dy]) => [x!, emit.shape(shapeOf(node, emit)), dy!]),
};
