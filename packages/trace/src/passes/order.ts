import { mustBe } from '@mdiff/arguments';
import { roots, type Graph, type GraphNode } from '../graph/graph.js';

/**
 * The same graph with its nodes in an order that makes ONNX Runtime compute results as they were recorded.
 *
 * ONNX Runtime does not keep the order of a model: it searches depth first from the nodes whose results nothing else
 * reads, beginning with the last one. In a training step that is the gradient of the first layer. Every other weight gradient
 * then comes after the whole backward pass, and its operands stay in memory until then. With these nodes
 * at the end, last one first, ONNX Runtime computes each weight gradient as soon as its operands are there.
 */
export function resultsInOrder(graph: Graph): Graph {
  mustBe('resultsInOrder', 'graph', graph, 'object');
  const read = new Set(graph.nodes.flatMap((node) => node.inputs));
  const results = new Set(roots(graph));
  const last = (node: GraphNode): boolean =>
    node.outputs.some((output) => results.has(output)) && !node.outputs.some((output) => read.has(output));
  return { ...graph, nodes: [...graph.nodes.filter((node) => !last(node)), ...graph.nodes.filter(last).reverse()] };
}
