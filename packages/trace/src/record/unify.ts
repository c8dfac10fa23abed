import { TraceError } from '../error.js';
import { type Dim, type Sizes } from '../graph/extent.js';
import { fit } from '../graph/fit.js';
import type { Attr, Graph, GraphNode, TypedArray } from '../graph/graph.js';
import { describe, placeOf, type Recorder } from './recorder.js';

/**
 * Merges traces of one function at several sizes into one graph in which every number that differs is an extent.
 * @throws TraceError when the function did different things at different sizes, or a number has no expression
 */
export function unify(traces: readonly Recorder[], sizes: readonly Sizes[]): Graph {
  const graphs = traces.map((recorder) => recorder.graph);
  const [first, ...rest] = graphs as [Graph, ...Graph[]];
  const place = (index: number): string => placeOf(traces[0]!, index);
  for (const other of rest) checkSameNodes(first, other, place, Object.keys(sizes[0]!));
  const nodes = first.nodes.map((node, i) => {
    const merged = (key: string): Attr =>
      merge(
        graphs.map((graph) => graph.nodes[i]!.attrs[key]!),
        sizes,
        () => `attribute '${key}' of ${node.kernel}${place(i)}`,
      );
    return { ...node, attrs: Object.fromEntries(Object.keys(node.attrs).map((key) => [key, merged(key)])) };
  });
  const values: Graph['values'] = {};
  for (const [name, { dtype }] of Object.entries(first.values)) {
    const subject = (): string => {
      const maker = first.nodes.findIndex((node) => node.outputs.includes(name));
      return maker >= 0 ? `the shape of the output of ${first.nodes[maker]!.kernel}${place(maker)}` : `the shape of '${name}'`;
    };
    values[name] = {
      dtype,
      shape: merge(
        graphs.map((graph) => graph.values[name]!.shape),
        sizes,
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
    const subject = `a constant${user >= 0 ? ` read by ${first.nodes[user]!.kernel}${place(user)}` : ''}`;
    const { shape, dtype } = values[name]!;
    nodes.unshift({ kernel: 'Fill', inputs: [], outputs: [name], attrs: { shape, value: mergeConstant(copies, sizes, subject), dtype } });
  }
  return { ...first, nodes, values, constants };
}

function checkSameNodes(first: Graph, other: Graph, place: (index: number) => string, dims: readonly string[]): void {
  const differs = first.nodes.findIndex((node, i) => !same(node, other.nodes[i]));
  if (differs < 0 && other.nodes.length === first.nodes.length) return;
  const index = differs >= 0 ? differs : first.nodes.length;
  const kernel = first.nodes[index]?.kernel ?? other.nodes[index]?.kernel ?? '?';
  throw new TraceError(
    `${kernel}${place(index)}: the function does different operations at different sizes of ${dims.join(', ')}; write it without loops or branches over a symbolic size`,
  );
}

/** Makes one attribute of its values at each size; `subject` names it in messages. */
function merge(values: readonly Attr[], sizes: readonly Sizes[], subject: () => string): Attr {
  const [head] = values;
  if (Array.isArray(head)) {
    if (!values.every((value) => Array.isArray(value) && value.length === head.length)) throw inexpressible(values, subject());
    return head.map((_, i) =>
      merge(
        values.map((value) => (value as Attr[])[i]!),
        sizes,
        subject,
      ),
    );
  }
  if (values.every((value) => Object.is(value, head))) return head!;
  const dim = values.every((value) => typeof value === 'number') ? fit(values as number[], sizes) : undefined;
  if (dim === undefined) throw inexpressible(values, subject());
  return dim;
}

/** Makes an expression of a single number that depends on the sizes; longer constants have none. */
function mergeConstant(copies: readonly TypedArray[], sizes: readonly Sizes[], subject: string): Attr {
  if (copies.some((copy) => copy.length !== 1)) {
    throw new TraceError(
      `${subject} is made on the host and depends on a symbolic size; make it with tf.range, tf.fill or a slice of a fixed table`,
    );
  }
  return merge(
    copies.map((copy) => copy[0]!),
    sizes,
    () => subject,
  );
}

function same(a: GraphNode, b: GraphNode | undefined): boolean {
  return b !== undefined && a.kernel === b.kernel && a.inputs.join() === b.inputs.join() && a.outputs.join() === b.outputs.join();
}

function inexpressible(values: readonly Attr[], subject: string): TraceError {
  return new TraceError(
    `${subject} is ${values.map(describe).join(', ')} at three sizes, which is no whole multiple of a product of symbolic dimensions plus a constant; use only sizes of that form`,
  );
}
