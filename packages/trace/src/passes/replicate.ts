import { mustBe } from '@mdiff/arguments';
import { isExtent, type Dim } from '../graph/extent.js';
import { isSymbolic, type Attr, type Graph, type GraphNode, type Info } from '../graph/graph.js';

/** Name of an input or output of one part. */
export const ofPart = (name: string, part: number): string => {
  mustBe('ofPart', 'name', name, 'string');
  mustBe('ofPart', 'part', part, 'number');
  return `${name}.${part}`;
};

/** Values that all parts share: variables, constants, scalar inputs, and results of these alone that have no symbolic size. */
function sharedValues(graph: Graph): { shared: Set<string>; common: GraphNode[]; separate: GraphNode[] } {
  const scalars = graph.inputs.filter(({ shape }) => shape.length === 0);
  const shared = new Set([...[...graph.variables, ...scalars].map(({ name }) => name), ...Object.keys(graph.constants)]);
  const [common, separate]: [GraphNode[], GraphNode[]] = [[], []];
  for (const node of graph.nodes) {
    const sizes = [...Object.values(node.attrs), ...node.outputs.map((name) => graph.values[name]!.shape)];
    if (!node.inputs.every((name) => shared.has(name)) || sizes.some(isSymbolic)) separate.push(node);
    else {
      common.push(node);
      node.outputs.forEach((name) => shared.add(name));
    }
  }
  return { shared, common, separate };
}

/** Renames the values and symbolic sizes of one part. */
function renamer(graph: Graph, part: number, shared: ReadonlySet<string>) {
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const value = (name: string): string => (shared.has(name) ? name : inputs.has(name) ? ofPart(name, part) : `_part${part}${name}`);
  const term = <T extends { dims: string[] }>(product: T): T => ({ ...product, dims: product.dims.map((name) => ofPart(name, part)) });
  const size = (dim: Dim): Dim => (isExtent(dim) ? { ...term(dim), ...(dim.plus && { plus: dim.plus.map(term) }) } : dim);
  const attr = (entry: Attr): Attr => (Array.isArray(entry) ? entry.map(attr) : isExtent(entry) ? size(entry) : entry);
  return {
    value,
    info: ({ shape, dtype }: Info): Info => ({ shape: shape.map(size), dtype }),
    node: ({ kernel, inputs, outputs, attrs }: GraphNode): GraphNode => ({
      kernel,
      inputs: inputs.map(value),
      outputs: outputs.map(value),
      attrs: Object.fromEntries(Object.entries(attrs).map(([key, entry]) => [key, attr(entry)])),
    }),
  };
}

/**
 * A graph that computes `graph` once for each part of a batch. Parts share variables, constants, scalar inputs and the results of these
 * alone. Every other input, and every output with a symbolic size, is called `ofPart(name, part)`. An output of fixed size is the sum over
 * the parts, in their order.
 */
export function replicate(graph: Graph, parts: number): Graph {
  mustBe('replicate', 'graph', graph, 'object');
  mustBe('replicate', 'parts', parts, 'number');
  const { shared, common, separate } = sharedValues(graph);
  const values: Graph['values'] = Object.fromEntries([...shared].map((name) => [name, graph.values[name]!]));
  const nodes = [...common];
  const inputs = graph.inputs.filter(({ name }) => shared.has(name));
  const dims: string[] = [];
  const outputs: Graph['outputs'] = [];
  const sums = new Map<string, string>();
  for (let part = 0; part < parts; part++) {
    const renamed = renamer(graph, part, shared);
    dims.push(...graph.dims.map((name) => ofPart(name, part)));
    for (const [name, info] of Object.entries(graph.values)) if (!shared.has(name)) values[renamed.value(name)] = renamed.info(info);
    for (const { name, ...info } of graph.inputs) if (!shared.has(name)) inputs.push({ name: renamed.value(name), ...renamed.info(info) });
    nodes.push(...separate.map((node) => renamed.node(node)));
    for (const { name, value } of graph.outputs) {
      if (isSymbolic(graph.values[value]!.shape)) outputs.push({ name: ofPart(name, part), value: renamed.value(value) });
      else if (!sums.has(name)) sums.set(name, renamed.value(value));
      else {
        const sum = `_sum${part}.${name}`;
        values[sum] = graph.values[value]!;
        nodes.push({ kernel: 'Add', inputs: [sums.get(name)!, renamed.value(value)], outputs: [sum], attrs: {} });
        sums.set(name, sum);
      }
    }
  }
  return { ...graph, dims, inputs, values, nodes, outputs: [...outputs, ...[...sums].map(([name, value]) => ({ name, value }))] };
}
