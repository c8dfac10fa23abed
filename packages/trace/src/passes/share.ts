import { bytes } from '../graph/arrays.js';
import type { Graph } from '../graph/graph.js';
import { rewrite } from './rewrite.js';

const COMMUTATIVE = new Set(['Add', 'Multiply', 'Maximum', 'Minimum', 'Equal', 'NotEqual', 'LogicalAnd', 'LogicalOr', 'SquaredDifference']);

/** Constants of up to this many elements are equal if their contents are, larger ones only if they are the same array. */
const COMPARED = 4096;

/** Computes equal expressions once (common-subexpression elimination) and merges equal constants. */
export function shareCommon(graph: Graph): Graph {
  const constants = new Map<string, string>();
  const merged = new Map<string, string>();
  const arrays = new Map<unknown, number>();
  for (const [name, data] of Object.entries(graph.constants)) {
    const { shape, dtype } = graph.values[name]!;
    if (!arrays.has(data)) arrays.set(data, arrays.size);
    const key = `${dtype}[${shape.join()}]${data.length <= COMPARED ? bytes(data).join() : `#${arrays.get(data)}`}`;
    const first = constants.get(key);
    if (first) merged.set(name, first);
    else constants.set(key, name);
  }
  const seen = new Map<string, string[]>();
  return rewrite(graph, (node, rewriter) => {
    const inputs = node.inputs.map((input) => merged.get(input) ?? input);
    const ordered = COMMUTATIVE.has(node.kernel) ? inputs.slice().sort() : inputs;
    const key = `${node.kernel}${JSON.stringify(ordered)}${JSON.stringify(node.attrs, Object.keys(node.attrs).length > 0 ? replacer : undefined)}`;
    const first = seen.get(key);
    if (first) return first;
    if (inputs.every((input, i) => input === node.inputs[i])) {
      seen.set(key, node.outputs);
      return undefined;
    }
    const outputs = rewriter.emitAll(
      node.kernel,
      inputs,
      node.attrs,
      node.outputs.map((output) => rewriter.info(output)),
    );
    seen.set(key, outputs);
    return outputs;
  });
}

/** Keeps NaN, infinities and −0 apart in the key, which JSON cannot write. */
function replacer(_key: string, value: unknown): unknown {
  return typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)) ? `#${Object.is(value, -0) ? '-0' : value}` : value;
}
