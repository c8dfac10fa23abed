import { arrayOf, uniform } from '../graph/arrays.js';
import type { Dim } from '../graph/extent.js';
import { roots, type Attrs, type Dtype, type Graph, type GraphNode, type Info, type TypedArray } from '../graph/graph.js';
import { ownEntry } from '../graph/own.js';
import { countUses, producersOf } from '../graph/uses.js';

/** Gives a rule access to the graph while `rewrite` rebuilds it node by node. */
export interface Rewriter {
  info(name: string): Info;
  /** The node that makes a value, in its rewritten form; undefined for inputs, variables and constants. */
  producer(name: string): GraphNode | undefined;
  constant(name: string): TypedArray | undefined;
  /** How often a value is read, outputs included, in the graph before this pass. */
  uses(name: string): number;
  /** The number that every element of a value equals, if that is known. */
  uniform(name: string): number | undefined;
  emit(kernel: string, inputs: string[], attrs: Attrs, shape: Dim[], dtype: Dtype): string;
  emitAll(kernel: string, inputs: string[], attrs: Attrs, outputs: Info[]): string[];
  bake(values: ArrayLike<number>, shape: number[], dtype: Dtype): string;
}

/** Returns the values that replace the outputs of `node`, or undefined to keep the node. */
export type Rule = (node: GraphNode, rewriter: Rewriter) => string[] | undefined;

/** Rebuilds `graph` with `rule` applied to every node in order. Returns the same object when no rule changed anything. */
export function rewrite(graph: Graph, rule: Rule): Graph {
  const values: Graph['values'] = { ...graph.values };
  const constants: Graph['constants'] = { ...graph.constants };
  const nodes: GraphNode[] = [];
  const producers = new Map<string, GraphNode>();
  const renamed = new Map<string, string>();
  const uses = countUses(graph);
  let count = Object.keys(values).reduce((most, name) => Math.max(most, /^_\d+$/.test(name) ? Number(name.slice(1)) : 0), 0);
  let changed = false;
  const current = (name: string): string => renamed.get(name) ?? name;
  const push = (node: GraphNode): void => {
    nodes.push(node);
    for (const output of node.outputs) producers.set(output, node);
  };
  const rewriter: Rewriter = {
    info: (name) => values[name]!,
    producer: (name) => producers.get(name),
    constant: (name) => ownEntry(constants, name),
    uses: (name) => uses.get(name) ?? 0,
    uniform(name) {
      const node = producers.get(name);
      if (node?.kernel === 'Fill') return typeof node.attrs.value === 'number' ? node.attrs.value : undefined;
      const data = ownEntry(constants, name);
      return data && uniform(data) ? data[0] : undefined;
    },
    emitAll(kernel, inputs, attrs, outputs) {
      const names = outputs.map((info) => {
        const name = `_${++count}`;
        values[name] = { shape: info.shape.slice(), dtype: info.dtype };
        return name;
      });
      push({ kernel, inputs, outputs: names, attrs });
      return names;
    },
    emit: (kernel, inputs, attrs, shape, dtype) => rewriter.emitAll(kernel, inputs, attrs, [{ shape, dtype }])[0]!,
    bake(data, shape, dtype) {
      if (data.length > 1 && uniform(data)) return rewriter.emit('Fill', [], { shape, value: Number(data[0]), dtype }, shape, dtype);
      const name = `_${++count}`;
      values[name] = { shape: shape.slice(), dtype };
      constants[name] = arrayOf(dtype, data);
      return name;
    },
  };
  for (const original of graph.nodes) {
    const node = { ...original, inputs: original.inputs.map(current) };
    const replacement = rule(node, rewriter);
    if (replacement) {
      changed = true;
      node.outputs.forEach((output, i) => renamed.set(output, replacement[i]!));
    } else push(node);
  }
  if (!changed) return graph;
  return {
    ...graph,
    values,
    constants,
    nodes,
    outputs: graph.outputs.map((output) => ({ ...output, value: current(output.value) })),
    updates: graph.updates.map((update) => ({ ...update, value: current(update.value) })),
  };
}

/** Drops nodes, constants and value infos that no output or update needs. Keeps inputs and variables. */
export function prune(graph: Graph): Graph {
  const producers = producersOf(graph);
  const live = new Set<GraphNode>();
  const pending = roots(graph);
  const needed = new Set([...graph.inputs, ...graph.variables].map((input) => input.name));
  while (pending.length > 0) {
    const name = pending.pop()!;
    if (needed.has(name)) continue;
    needed.add(name);
    const node = producers.get(name);
    if (!node || live.has(node)) continue;
    live.add(node);
    node.outputs.forEach((output) => needed.add(output));
    pending.push(...node.inputs);
  }
  if (live.size === graph.nodes.length && Object.keys(graph.values).every((name) => needed.has(name))) return graph;
  const keep = <T>(record: Record<string, T>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).filter(([name]) => needed.has(name)));
  return { ...graph, nodes: graph.nodes.filter((node) => live.has(node)), constants: keep(graph.constants), values: keep(graph.values) };
}
