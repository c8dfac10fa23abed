import { TraceError } from '../error.js';
import { sum, type Dim, type Sizes } from '../graph/extent.js';
import { fit, type SizeRanges } from '../graph/fit.js';
import type { Attr, Graph, GraphNode, TypedArray } from '../graph/graph.js';
import { describe, placeOf, type Recorder } from './recorder.js';

/** The sizes of several traces, and what is known about them. */
interface Samples {
  sizes: readonly Sizes[];
  ranges: SizeRanges;
  /** Sums of sizes that joined axes have, by their values at the sizes. */
  sums: Map<string, Dim>;
}

/** The sizes of axes that `Concat` joins are sums, which three samples alone do not determine. */
function findSums(graphs: readonly Graph[], tried: Samples): void {
  graphs[0]!.nodes.forEach(({ kernel, inputs, outputs, attrs }) => {
    if (kernel !== 'Concat') return;
    const along = (name: string): number[] => graphs.map((graph) => graph.values[name]!.shape[attrs.axis as number] as number);
    const joined = along(outputs[0]!);
    const parts = inputs.map((name) => sizeOf(along(name), tried));
    if (sizeOf(joined, tried) === undefined && parts.every((part) => part !== undefined)) tried.sums.set(joined.join(), sum(parts));
  });
}

const sizeOf = (values: number[], { sizes, ranges, sums }: Samples, round?: (value: number) => number): Dim | undefined =>
  fit(values, sizes, ranges, round) ?? sums.get(values.join());

/**
 * Merges traces of one function at several sizes into one graph in which every number that differs is an extent. The traces have to be the
 * same operations, which `checkSame` checks.
 * @throws TraceError when a number has no expression
 */
export function unify(traces: readonly Recorder[], sizes: readonly Sizes[], ranges: SizeRanges = {}): Graph {
  const graphs = traces.map((recorder) => recorder.graph);
  const [first] = graphs as [Graph, ...Graph[]];
  const place = (index: number): string => placeOf(traces[0]!, index);
  const tried: Samples = { sizes, ranges, sums: new Map() };
  findSums(graphs, tried);
  const nodes = first.nodes.map((node, i) => {
    const merged = (key: string): Attr =>
      merge(
        graphs.map((graph) => graph.nodes[i]!.attrs[key]!),
        tried,
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
        tried,
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
    nodes.unshift({ kernel: 'Fill', inputs: [], outputs: [name], attrs: { shape, value: mergeConstant(copies, tried, subject), dtype } });
  }
  return { ...first, nodes, values, constants };
}

/** @throws TraceError unless both traces, at these sizes, do the same operations and return the same values */
export function checkSame(a: Recorder, b: Recorder, sizes: readonly Sizes[]): void {
  const [first, other] = [a.graph, b.graph];
  const differs = first.nodes.findIndex((node, i) => !same(node, other.nodes[i]));
  const results = ({ outputs, updates }: Graph): string => JSON.stringify([outputs, updates]);
  if (differs < 0 && other.nodes.length === first.nodes.length && results(first) === results(other)) return;
  const index = differs >= 0 ? differs : first.nodes.length;
  const kernel = first.nodes[index]?.kernel ?? other.nodes[index]?.kernel;
  const subject = kernel === undefined ? 'the results' : `${kernel}${placeOf(first.nodes[index] ? a : b, index)}`;
  throw new TraceError(
    `${subject}: the function does different operations at different sizes of ${Object.keys(sizes[0]!).join(', ')} (${describeSizes(sizes)}); write it without loops or branches over a symbolic size`,
  );
}

/** Makes one attribute of its values at each size; `subject` names it in messages. */
function merge(values: readonly Attr[], tried: Samples, subject: () => string, round = (value: number): number => value): Attr {
  const [head] = values;
  if (Array.isArray(head)) {
    if (!values.every((value) => Array.isArray(value) && value.length === head.length)) throw inexpressible(values, tried, subject());
    return head.map((_, i) =>
      merge(
        values.map((value) => (value as Attr[])[i]!),
        tried,
        subject,
        round,
      ),
    );
  }
  if (values.every((value) => Object.is(value, head))) return head!;
  const dim = values.every((value) => typeof value === 'number') ? sizeOf(values as number[], tried, round) : undefined;
  if (dim === undefined) throw inexpressible(values, tried, subject());
  return dim;
}

/** Makes an expression of a single number that depends on the sizes; longer constants have none. */
function mergeConstant(copies: readonly TypedArray[], tried: Samples, subject: string): Attr {
  if (copies.some((copy) => copy.length !== 1)) {
    throw new TraceError(
      `${subject} is made on the host and depends on a symbolic size; make it with tf.range, tf.fill or a slice of a fixed table`,
    );
  }
  return merge(
    copies.map((copy) => copy[0]!),
    tried,
    () => subject,
    copies[0] instanceof Float32Array ? Math.fround : undefined,
  );
}

const sameNames = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((name, i) => name === b[i]);

const same = (a: GraphNode, b: GraphNode | undefined): boolean =>
  b !== undefined && a.kernel === b.kernel && sameNames(a.inputs, b.inputs) && sameNames(a.outputs, b.outputs);

/** Text such as `n = 2; n = 3`. */
export const describeSizes = (sizes: readonly Sizes[]): string =>
  sizes
    .map((one) =>
      Object.entries(one)
        .map(([name, value]) => `${name} = ${value}`)
        .join(', '),
    )
    .join('; ');

function inexpressible(values: readonly Attr[], { sizes }: Samples, subject: string): TraceError {
  return new TraceError(
    `${subject} is ${values.map(describe).join(', ')} at three sizes (${describeSizes(sizes)}), which is no whole multiple of a product of symbolic dimensions plus a constant; use only sizes of that form`,
  );
}
