import { evaluate, isExtent, terms, type Dim, type Sizes } from '../graph/extent.js';
import { samples, type SizeRanges } from '../graph/fit.js';
import type { Attr, Graph, GraphNode, Info } from '../graph/graph.js';
import { resolve } from '../record/interpret.js';
import { createRecorder, type Recorder, type Value } from '../record/recorder.js';
import { SLICES } from '../record/slices.js';
import { unify } from '../record/unify.js';
import { rewrite } from './rewrite.js';

/** Open sizes are tried above every window, and at multiples of what they are divided by. */
const LEAST = 1000;

const extentsOf = (attr: Attr): Dim[] => (Array.isArray(attr) ? attr.flatMap(extentsOf) : isExtent(attr) ? [attr] : []);

function rangesOf(dims: readonly Dim[]): SizeRanges {
  const ranges: Record<string, { min: number; multiple: number }> = {};
  for (const { coefficient, dims: names } of dims.filter(isExtent).flatMap(terms)) {
    let multiple = 1;
    while (!Number.isInteger(coefficient * multiple)) multiple++;
    for (const name of names) {
      const most = Math.max(multiple, ranges[name]?.multiple ?? 1);
      ranges[name] = { min: LEAST * most, multiple: most };
    }
  }
  return ranges;
}

/** The node in slices and products, as a graph with the inputs `x0`, `x1`, … and the outputs `y0`, … */
function sliced(node: GraphNode, infos: readonly Info[]): Graph {
  const open = rangesOf([...infos.flatMap(({ shape }) => shape.filter(isExtent)), ...Object.values(node.attrs).flatMap(extentsOf)]);
  const names = Object.keys(open);
  const sizes: Sizes[] = names.length === 0 ? [{}] : samples(names, open);
  const traces = sizes.map((size): Recorder => {
    const recorder = createRecorder(false);
    const inputs = infos.map(({ shape, dtype }, i): Value => {
      const dims = shape.map((dim) => evaluate(dim, size));
      recorder.graph.inputs.push({ name: `x${i}`, shape: dims, dtype });
      return recorder.declare(`x${i}`, dims, dtype);
    });
    const results = SLICES.get(node.kernel)!(recorder, inputs, resolve(node.attrs, size));
    results.forEach(({ name }, i) => recorder.graph.outputs.push({ name: `y${i}`, value: name }));
    return recorder;
  });
  return unify(traces, sizes, open);
}

/**
 * Writes the convolutions and pools that `chosen` accepts as slices, products and sums, with kernels that every target has. Results are equal up to
 * the order of sums.
 */
export const decompose = (graph: Graph, chosen: (node: GraphNode) => boolean): Graph =>
  rewrite(graph, (node, r) => {
    if (!SLICES.has(node.kernel) || !chosen(node)) return undefined;
    const part = sliced(node, node.inputs.map((name) => r.info(name))); // prettier-ignore
    const names = new Map(part.inputs.map(({ name }, i) => [name, node.inputs[i]!]));
    for (const [name, values] of Object.entries(part.constants)) {
      const { shape, dtype } = part.values[name]!;
      names.set(name, r.bake(values, shape as number[], dtype));
    }
    for (const { kernel, inputs, outputs, attrs } of part.nodes) {
      const made = r.emitAll(kernel, inputs.map((name) => names.get(name)!), attrs, outputs.map((name) => part.values[name]!)); // prettier-ignore
      outputs.forEach((name, i) => names.set(name, made[i]!));
    }
    return part.outputs.map(({ value }) => names.get(value)!);
  });
