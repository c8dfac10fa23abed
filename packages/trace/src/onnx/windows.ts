import type { Dim } from '../graph/extent.js';
import type { Graph, GraphNode } from '../graph/graph.js';
import { product } from '../graph/shapes.js';
import { countUses, producersOf } from '../graph/uses.js';
import type { OnnxAttr } from './encode.js';
import type { Emitter } from './emitter.js';
import { channelsFirst, type Layouts } from './layout.js';

/** ONNX lowerings of convolutions and pooling, with channels first. */

export interface WindowLowering {
  (node: GraphNode, emit: Emitter, layouts: Layouts, context: WindowContext): void;
}

/** What the lowering of one node has to know of others. */
export class WindowContext {
  /** The vector that a convolution adds to its result, by the node of this addition. */
  readonly biases = new Map<GraphNode, { node: GraphNode; bias: string }>();
  /** Results of pools whose gradient is taken: where the largest values were, by the result. */
  readonly indices = new Map<string, string | undefined>();

  constructor(graph: Graph) {
    const [uses, producers] = [countUses(graph), producersOf(graph)];
    for (const node of graph.nodes) {
      if (node.kernel === 'MaxPoolGrad') this.indices.set(node.inputs[2]!, undefined);
      if (node.kernel !== 'Add') continue;
      const convolution = node.inputs.findIndex((input) => CONVOLUTIONS.has(producers.get(input)?.kernel ?? '') && uses.get(input) === 1);
      const bias = node.inputs[1 - convolution];
      if (convolution < 0 || bias === undefined) continue;
      const { shape } = graph.values[bias]!;
      if (shape.length === 1 && shape[0] === graph.values[node.outputs[0]!]!.shape.at(-1))
        this.biases.set(node, { node: producers.get(node.inputs[convolution]!)!, bias });
    }
  }
}

const CONVOLUTIONS = new Set(['Conv2D', 'Conv3D', 'DepthwiseConv2dNative']);

/** Column of `axes`: 0 window, 1 stride, 2 dilation, 3 before, 4 after. */
const column = (node: GraphNode, k: number): number[] => (node.attrs.axes as number[][]).map((axis) => axis[k]!);
const ints = (values: readonly number[]): OnnxAttr => ({ ints: values });

/** Attributes that Conv, ConvTranspose and the pools share. Rows at the end that no window reaches are left out by the operators themselves. */
const common = (node: GraphNode): Record<string, OnnxAttr> => ({
  kernel_shape: ints(column(node, 0)),
  strides: ints(column(node, 1)),
  pads: ints([...column(node, 3), ...column(node, 4).map((after) => Math.max(0, after))]),
});

const isDepthwise = (node: GraphNode): boolean => node.kernel.startsWith('Depthwise');

/** [output channels, input channels of a group, …window] of a filter [….window, input, output], or [….window, channels, multiplier] of a depthwise one. */
function weights(filter: string, node: GraphNode, emit: Emitter): { name: string; group: number } {
  const { shape } = emit.info(filter);
  const spatial = shape.slice(0, -2).map((_, i) => i);
  const [input, output] = [shape.length - 2, shape.length - 1];
  const [channels, multiplier] = shape.slice(-2) as [number, number];
  if (!isDepthwise(node))
    return { name: emit.once(`filter ${filter}`, () => emit.permute(filter, shape, [output, input, ...spatial])), group: 1 };
  const name = emit.once(`filters ${filter}`, () =>
    emit.reshape(
      emit.permute(filter, shape, [input, output, ...spatial]),
      [channels, multiplier, ...shape.slice(0, -2)],
      [channels * multiplier, 1, ...shape.slice(0, -2)],
    ),
  );
  return { name, group: channels };
}

const convolve: WindowLowering = (node, emit, layouts) => writeConvolution(node, undefined, node.outputs[0]!, emit, layouts);

/** A convolution, with a bias if given, as the value `output` of the graph. */
export function writeConvolution(node: GraphNode, bias: string | undefined, output: string, emit: Emitter, layouts: Layouts): void {
  const { name, group } = weights(node.inputs[1]!, node, emit);
  const inputs = [layouts.first(node.inputs[0]!), name, ...(bias === undefined ? [] : [bias])];
  const attrs = { ...common(node), dilations: ints(column(node, 2)), group: { int: group } };
  emit.add('Conv', inputs, attrs, { outputs: [layouts.compute(output)] });
}

const convolveBack: WindowLowering = (node, emit, layouts) => {
  const { name, group } = weights(node.inputs[1]!, node, emit);
  const unreached = column(node, 4).map((after) => Math.max(0, -after));
  const attrs = { ...common(node), dilations: ints(column(node, 2)), output_padding: ints(unreached), group: { int: group } };
  emit.add('ConvTranspose', [layouts.first(node.inputs[0]!), name], attrs, { outputs: [layouts.compute(node.outputs[0]!)] });
};

/**
 * The gradient of a filter is a convolution over the batch: the input with its channels as batch, by the gradient of the result as a filter, with
 * the strides and dilations swapped.
 */
const filterGradient: WindowLowering = (node, emit, layouts) => {
  const [x, dy] = node.inputs as [string, string];
  const depthwise = isDepthwise(node);
  const swap = (value: string): { name: string; shape: Dim[] } => {
    const shape = channelsFirst(emit.info(value).shape);
    const perm = shape.map((_, i) => (i < 2 ? 1 - i : i));
    return {
      name: emit.once(`swapped ${value}`, () => emit.permute(layouts.first(value), shape, perm)),
      shape: perm.map((axis) => shape[axis]!),
    };
  };
  const input = swap(x);
  const gradient = swap(dy);
  const [channels, batch, ...places] = input.shape;
  const source = depthwise ? emit.reshape(input.name, input.shape, [1, product([channels!, batch!])!, ...places]) : input.name;
  const filter = emit.info(node.outputs[0]!).shape;
  const window = column(node, 0);
  const attrs = {
    strides: ints(column(node, 2)),
    dilations: ints(column(node, 1)),
    pads: common(node).pads!,
    group: { int: depthwise ? (channels as number) : 1 },
  };
  let result = emit.add('Conv', [source, gradient.name], attrs);
  // Rows that no window reaches make places that the filter does not have.
  const longer = column(node, 4).flatMap((after, i) => (after < 0 ? [i] : []));
  if (longer.length > 0)
    result = emit.add('Slice', [result, emit.ints(longer.map(() => 0)), emit.ints(longer.map((i) => window[i]!)), emit.ints(longer.map((i) => i + 2))]); // prettier-ignore
  const spatial = window.map((_, i) => i + 2);
  if (!depthwise) return void emit.permute(result, [...filter.slice(-2), ...window], [...spatial, 0, 1], node.outputs[0]);
  const each = emit.reshape(result, [1, product(filter.slice(-2))!, ...window], [...filter.slice(-2), ...window]);
  emit.permute(each, [...filter.slice(-2), ...window], [...spatial, 0, 1], node.outputs[0]);
};

const maxPool: WindowLowering = (node, emit, layouts, { indices }) => {
  const [output] = node.outputs as [string];
  const outputs = [layouts.compute(output)];
  if (indices.has(output)) {
    outputs.push(emit.declare({ shape: channelsFirst(emit.info(output).shape), dtype: 'int32' }));
    indices.set(output, outputs[1]);
  }
  emit.add('MaxPool', [layouts.first(node.inputs[0]!)], common(node), { outputs });
};

/** Every gradient goes to where the largest value of its window was. */
const maxPoolBack: WindowLowering = (node, emit, layouts, { indices }) => {
  const [dy, x, y] = node.inputs as [string, string, string];
  let index = indices.get(y);
  if (index === undefined) {
    // The result is not that of a pool in this graph.
    const outputs = [emit.declare(emit.info(y)), emit.declare(emit.info(y))];
    emit.add('MaxPool', [layouts.first(x)], common(node), { outputs });
    index = outputs[1]!;
  }
  const shape = channelsFirst(emit.info(x).shape);
  const gradient = layouts.first(dy);
  const total = product(shape);
  const overlap = (node.attrs.axes as number[][]).some(([window, stride]) => window! > stride!);
  const output = layouts.compute(node.outputs[0]!);
  if (!overlap) {
    const attrs = { kernel_shape: common(node).kernel_shape!, strides: common(node).strides! };
    return void emit.add('MaxUnpool', [gradient, index, emit.shape(shape)], attrs, { outputs: [output] });
  }
  const flat = (value: string): string => emit.add('Reshape', [value, emit.ints([-1])]);
  const zeros = emit.add('ConstantOfShape', [emit.shape([total!])]);
  const sums = emit.add('ScatterElements', [zeros, flat(index), flat(gradient)], { axis: { int: 0 }, reduction: { string: 'add' } });
  emit.reshape(sums, [total!], shape, output);
};

const averagePool: WindowLowering = (node, emit, layouts) =>
  void emit.add('AveragePool', [layouts.first(node.inputs[0]!)], { ...common(node), count_include_pad: { int: 0 } }, { outputs: [layouts.compute(node.outputs[0]!)] }); // prettier-ignore

/** Every input gets its share of the gradients of its windows: a transposed convolution with equal weights, of every channel as an image. */
const averagePoolBack: WindowLowering = (node, emit, layouts) => {
  const window = column(node, 0);
  const size = window.reduce((a, b) => a * b, 1);
  const from = channelsFirst(emit.info(node.inputs[0]!).shape);
  const to = channelsFirst(emit.info(node.outputs[0]!).shape);
  const images = (shape: Dim[]): Dim[] => [product(shape.slice(0, 2))!, 1, ...shape.slice(2)];
  const filter = emit.tensor(
    'float32',
    [1, 1, ...window],
    Array.from({ length: size }, () => 1 / size),
  );
  const attrs = { ...common(node), output_padding: ints(column(node, 4).map((after) => Math.max(0, -after))) };
  const spread = emit.add('ConvTranspose', [emit.reshape(layouts.first(node.inputs[0]!), from, images(from)), filter], attrs);
  emit.reshape(spread, images(to), to, layouts.compute(node.outputs[0]!));
};

export const WINDOWS: Record<string, WindowLowering> = {
  Conv2D: convolve,
  Conv2DBackpropInput: convolveBack,
  Conv2DBackpropFilter: filterGradient,
  Conv3D: convolve,
  Conv3DBackpropInputV2: convolveBack,
  Conv3DBackpropFilterV2: filterGradient,
  DepthwiseConv2dNative: convolve,
  DepthwiseConv2dNativeBackpropInput: convolveBack,
  DepthwiseConv2dNativeBackpropFilter: filterGradient,
  MaxPool: maxPool,
  MaxPoolGrad: maxPoolBack,
  MaxPool3D: maxPool,
  AvgPool: averagePool,
  AvgPoolGrad: averagePoolBack,
  AvgPool3D: averagePool,
  AvgPool3DGrad: averagePoolBack,
};
