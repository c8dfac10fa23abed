import { roots, type Graph, type GraphNode } from './graph.js';
import { equalShapes } from './shapes.js';

/** How often each value is read; an output or update counts as one. */
export function countUses(graph: Graph): Map<string, number> {
  const uses = new Map<string, number>();
  for (const value of [...graph.nodes.flatMap(({ inputs }) => inputs), ...roots(graph)]) uses.set(value, (uses.get(value) ?? 0) + 1);
  return uses;
}

/** The node that makes each value; inputs, variables and constants have none. */
export const producersOf = (graph: Graph): Map<string, GraphNode> =>
  new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));

/**
 * Each addition that can be computed together with one of its terms, and the node that makes this term: `fits` accepts the node, nothing else
 * reads its result, and both terms have the same shape. A lowering then writes the two nodes as one and skips the term's own.
 */
export function fusibleAdditions(graph: Graph, fits: (term: GraphNode) => boolean): Map<GraphNode, GraphNode> {
  const [uses, producers] = [countUses(graph), producersOf(graph)];
  const additions = new Map<GraphNode, GraphNode>();
  for (const node of graph.nodes) {
    if (node.kernel !== 'Add') continue;
    const [left, right] = node.inputs.map((input) => graph.values[input]!.shape);
    if (!equalShapes(left!, right!)) continue;
    const term = node.inputs
      .map((input) => producers.get(input))
      .find((maker) => maker && uses.get(maker.outputs[0]!) === 1 && fits(maker));
    if (term) additions.set(node, term);
  }
  return additions;
}
