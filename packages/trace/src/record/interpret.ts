import { mustBe } from '@mdiff/arguments';
import { tf } from '../tf.js';
import { evaluate as size, isExtent, type Sizes } from '../graph/extent.js';
import type { Attr, Attrs, Graph, GraphNode } from '../graph/graph.js';
import { KERNEL_INPUTS } from './kernels.js';

/** Run graph nodes on the TensorFlow.js CPU backend. */

/** Runs `fn` with tfjs-cpu as the backend, brings the previous backend back, and disposes the tensors that `fn` made. */
export function onCpu<T>(fn: () => T): T {
  const engine = tf.engine();
  void engine.backend;
  const previous = tf.getBackend();
  void tf.setBackend('cpu');
  engine.startScope('mdiff');
  try {
    return fn();
  } finally {
    engine.endScope();
    void tf.setBackend(previous);
  }
}

function resolveAttr(attr: Attr, sizes: Sizes): Attr {
  if (Array.isArray(attr)) return attr.map((entry) => resolveAttr(entry, sizes));
  return isExtent(attr) ? size(attr, sizes) : attr;
}

/** Attributes as TensorFlow.js has them, at these sizes. */
export const resolve = (attrs: Attrs, sizes: Sizes): Attrs =>
  Object.fromEntries(Object.entries(attrs).map(([key, value]) => [key, resolveAttr(value, sizes)]));

/** Outputs of one node for the given inputs. */
export function compute(node: GraphNode, inputs: tf.Tensor[], sizes: Sizes = {}): tf.Tensor[] {
  const attrs = resolve(node.attrs, sizes);
  // The kernel needs equal shapes; tf.where broadcasts, as ONNX does.
  if (node.kernel === 'Select') return [tf.where(inputs[0] as tf.Tensor, inputs[1]!, inputs[2]!)];
  const keys = KERNEL_INPUTS.get(node.kernel)!;
  const named = keys === 'list' ? inputs : Object.fromEntries(keys.map((key, i) => [key, inputs[i]!]));
  const result = tf.engine().runKernel(node.kernel, named as tf.NamedTensorMap, attrs as tf.NamedAttrMap) as tf.Tensor | tf.Tensor[];
  return Array.isArray(result) ? result : [result];
}

/**
 * Computes the outputs and updates of a graph node by node on the current backend, for tests and debugging.
 * The keys of `outputs` are names of outputs, those of `updates` names of variables.
 */
export function interpret(
  graph: Graph,
  feeds: Record<string, tf.Tensor>,
): { outputs: Record<string, tf.Tensor>; updates: Record<string, tf.Tensor> } {
  mustBe('interpret', 'graph', graph, 'object');
  mustBe('interpret', 'feeds', feeds, 'object');
  const sizes: Sizes = {};
  for (const input of graph.inputs) {
    input.shape.forEach((dim, axis) => {
      if (isExtent(dim)) sizes[dim.dims[0]!] = feeds[input.name]!.shape[axis]!;
    });
  }
  const computed = new Map<string, tf.Tensor>(Object.entries(feeds));
  for (const [name, data] of Object.entries(graph.constants))
    computed.set(name, tf.tensor(data, graph.values[name]!.shape as number[], graph.values[name]!.dtype));
  for (const node of graph.nodes) {
    const results = compute(
      node,
      node.inputs.map((input) => computed.get(input)!),
      sizes,
    );
    node.outputs.forEach((output, i) => computed.set(output, results[i]!));
  }
  return {
    outputs: Object.fromEntries(graph.outputs.map((output) => [output.name, computed.get(output.value)!])),
    updates: Object.fromEntries(graph.updates.map((update) => [update.variable, computed.get(update.value)!])),
  };
}
