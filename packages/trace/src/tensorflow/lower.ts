import { TraceError } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { fusibleAdditions } from '../graph/uses.js';
import { ELEMENTWISE } from './elementwise.js';
import { constantOf, type TfEmitter, type TfLowering } from './emitter.js';
import { FILLS } from './fills.js';
import { GATHERS } from './gathers.js';
import { MOVEMENT } from './movement.js';
import { PRODUCTS, callForeign, isRegisteredProduct, registeredProduct } from './products.js';
import { REDUCTIONS } from './reductions.js';
import { WINDOWS } from './windows.js';

/** One TensorFlow lowering per kernel that a graph can contain. */
export const TENSORFLOW: Readonly<Record<string, TfLowering>> = {
  ...ELEMENTWISE,
  ...FILLS,
  ...GATHERS,
  ...MOVEMENT,
  ...PRODUCTS,
  ...REDUCTIONS,
  ...WINDOWS,
};

/** Writes the constants and nodes of a graph. `references` maps each value to its TensorFlow tensor; the caller has set inputs and variables. */
export function lowerGraph(graph: Graph, references: Map<string, string>, emit: TfEmitter): void {
  for (const [name, values] of Object.entries(graph.constants)) references.set(name, constantOf(values, graph.values[name]!, emit));
  // A product that is only added to another value of its shape is computed on top of that value.
  const additions =
    emit.ops.productAdd === undefined ? new Map<never, never>() : fusibleAdditions(graph, (term) => isRegisteredProduct(term, emit));
  const fused = new Set(additions.values());
  for (const node of graph.nodes) {
    if (fused.has(node)) continue;
    const product = additions.get(node);
    if (product) {
      const base = node.inputs.find((input) => input !== product.outputs[0])!;
      const operands = product.inputs.map((name) => references.get(name)!);
      references.set(node.outputs[0]!, registeredProduct(product, operands, references.get(base)!, emit));
      continue;
    }
    const lower = node.kernel === 'Foreign' ? callForeign : TENSORFLOW[node.kernel];
    if (!lower) throw new TraceError(`kernel ${node.kernel} has no TensorFlow lowering; write it with other operations`);
    const inputs = node.inputs.map((name) => references.get(name)!);
    const outputs = [lower(node, inputs, emit)].flat();
    node.outputs.forEach((output, i) => references.set(output, outputs[i]!));
  }
}
