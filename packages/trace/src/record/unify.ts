import { TraceError } from '../error.js';
import { type Dim, type Sizes } from '../graph/extent.js';
import { fit } from '../graph/fit.js';
import type { Attr, Graph, GraphNode } from '../graph/graph.js';
import { describe, placeOf, type Recorder } from './recorder.js';

/**
 * Merge traces of one function at several sizes into one graph in which every number that differs is an extent.
 * @throws TraceError when the function did different things at different sizes, or a number has no expression
 */
export function unify(traces: readonly Recorder[], sizes: readonly Sizes[]): Graph {
  const graphs = traces.map((recorder) => recorder.graph);
  const [first, ...rest] = graphs as [Graph, ...Graph[]];
  const where = (index: number): string => placeOf(traces[0]!, index);
  for (const other of rest) {
    const differs = first.nodes.findIndex((node, i) => !same(node, other.nodes[i]));
    if (differs >= 0 || other.nodes.length !== first.nodes.length) {
      const index = differs >= 0 ? differs : first.nodes.length;
      const kernel = first.nodes[index]?.kernel ?? other.nodes[index]?.kernel ?? '?';
      throw new TraceError(
        `${kernel}${where(index)}: the function does different operations at different sizes of ${Object.keys(sizes[0]!).join(', ')}; write it without loops or branches over a symbolic size`,
      );
    }
  }
  const merge = (values: readonly Attr[], what: () => string): Attr => {
    const [head] = values;
    if (Array.isArray(head)) {
      if (!values.every((value) => Array.isArray(value) && value.length === head.length)) throw inexpressible(values, what());
      return head.map((_, i) =>
        merge(
          values.map((value) => (value as Attr[])[i]!),
          what,
        ),
      );
    }
    if (values.every((value) => Object.is(value, head))) return head!;
    if (!values.every((value) => typeof value === 'number')) throw inexpressible(values, what());
    const dim = fit(values as number[], sizes);
    if (dim === undefined) throw inexpressible(values, what());
    return dim;
  };

  const nodes = first.nodes.map((node, i) => {
    const attrs = Object.fromEntries(
      Object.keys(node.attrs).map((key) => [
        key,
        merge(
          graphs.map((graph) => graph.nodes[i]!.attrs[key]!),
          () => `attribute '${key}' of ${node.kernel}${where(i)}`,
        ),
      ]),
    );
    return { ...node, attrs };
  });
  const values: Graph['values'] = {};
  for (const [name, info] of Object.entries(first.values)) {
    const subject = (): string => {
      const maker = first.nodes.findIndex((node) => node.outputs.includes(name));
      return maker >= 0 ? `the shape of the output of ${first.nodes[maker]!.kernel}${where(maker)}` : `the shape of '${name}'`;
    };
    values[name] = {
      dtype: info.dtype,
      shape: merge(
        graphs.map((graph) => graph.values[name]!.shape),
        subject,
      ) as Dim[],
    };
  }
  const constants: Graph['constants'] = {};
  for (const [name, data] of Object.entries(first.constants)) {
    const copies = graphs.map((graph) => graph.constants[name]!);
    if (copies.every((copy) => copy.length === data.length && copy.every((value, i) => Object.is(value, data[i])))) {
      constants[name] = data;
      continue;
    }
    const user = first.nodes.findIndex((node) => node.inputs.includes(name));
    const subject = `a constant${user >= 0 ? ` read by ${first.nodes[user]!.kernel}${where(user)}` : ''}`;
    if (data.length !== 1 || copies.some((copy) => copy.length !== 1)) {
      throw new TraceError(
        `${subject} is made on the host and depends on a symbolic size; make it with tf.range, tf.fill or a slice of a fixed table`,
      );
    }
    // A single number that follows the sizes is computed from them.
    const value = merge(
      copies.map((copy) => copy[0]!),
      () => subject,
    );
    nodes.unshift({
      kernel: 'Fill',
      inputs: [],
      outputs: [name],
      attrs: { shape: values[name]!.shape, value, dtype: values[name]!.dtype },
    });
  }
  return { ...first, nodes, values, constants };
}

function same(a: GraphNode, b: GraphNode | undefined): boolean {
  return b !== undefined && a.kernel === b.kernel && a.inputs.join() === b.inputs.join() && a.outputs.join() === b.outputs.join();
}

function inexpressible(values: readonly Attr[], what: string): TraceError {
  return new TraceError(
    `${what} is ${values.map(describe).join(', ')} at three sizes, which is no whole multiple of a product of symbolic dimensions plus a constant; rewrite it so that it is`,
  );
}
