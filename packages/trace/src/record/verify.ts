import { tf } from '../tf.js';
import { TraceError } from '../error.js';
import { evaluate, type Sizes } from '../graph/extent.js';
import type { SizeRanges } from '../graph/fit.js';
import type { Graph, Info } from '../graph/graph.js';
import { onCpu } from './interpret.js';
import { placeOf, type Recorder } from './recorder.js';
import { Twins, sameBits } from './twins.js';
import { describeSizes } from './unify.js';

/** Checks of a trace by a further run of the function. */

/** @throws TraceError when a second run of the function recorded something else */
export function checkRepeated(first: Recorder, second: Recorder): void {
  const text = (entry: unknown): string =>
    JSON.stringify(entry, (_key, value: unknown) => (typeof value === 'number' ? String(value) : value));
  const [a, b] = [first.graph, second.graph];
  const constant = Object.entries(a.constants).find(([name, data]) => !sameBits(data, b.constants[name]))?.[0];
  let node = a.nodes.findIndex(({ inputs }) => constant !== undefined && inputs.includes(constant));
  if (constant === undefined) {
    node = a.nodes.findIndex((entry, i) => text(entry) !== text(b.nodes[i]));
    if (node < 0 && a.nodes.length === b.nodes.length && text([a.outputs, a.updates]) === text([b.outputs, b.updates])) return;
  }
  const subject = node >= 0 ? `${a.nodes[node]!.kernel}${placeOf(first, node)}` : 'a result of the traced function';
  throw new TraceError(
    `${subject} is another one when the function runs a second time, so the function draws random numbers or keeps a state on the host, which tracing would bake in as a constant; pass such values as inputs`,
  );
}

/** Values of more elements than this in all are not compared at the smallest sizes, only their shapes. */
const COMPARED = 2 ** 21;
/** Largest difference, relative to 1 + |value|, of results that float32 rounds in another order. */
const TOLERANCE = 1e-3;

const sizeOf = (info: Info, sizes: Sizes): number => info.shape.reduce<number>((total, dim) => total * evaluate(dim, sizes), 1);

/**
 * Compares the graph with a run of the function at the smallest sizes, where functions that look at sizes are often different: axes of size
 * one are squeezed and broadcast. The operations may differ, because TensorFlow.js leaves some out for an axis of size one; shapes and
 * numbers may not. A size that TensorFlow.js refuses is not compared.
 */
export function checkSmallest(graph: Graph, first: Recorder, ranges: SizeRanges, record: (sizes: Sizes) => Recorder): void {
  const sizes: Sizes = Object.fromEntries(
    Object.entries(ranges).map(([name, { min = 1, multiple = 1 }]) => [name, Math.max(1, Math.ceil(min / multiple)) * multiple]),
  );
  let small: Recorder;
  try {
    small = record(sizes);
  } catch {
    return;
  }
  const refuse = (what: string): never => {
    throw new TraceError(
      `at ${describeSizes([sizes])} the traced function ${what} than at larger sizes; write it without a case for these sizes (tf.squeeze with its axes named), or give a larger min in \`sizes\``,
    );
  };
  const results = (one: Graph): [string, string][] => [
    ...one.outputs.map(({ name, value }): [string, string] => [`output '${name}'`, value]),
    ...one.updates.map(({ variable, value }): [string, string] => [`variable '${variable}'`, value]),
  ];
  const [large, least] = [results(graph), results(small.graph)];
  if (large.map(([name]) => name).join('\n') !== least.map(([name]) => name).join('\n')) refuse('returns other values');
  large.forEach(([name, value], i) => {
    const expected = small.graph.values[least[i]![1]]!.shape.join();
    const actual = graph.values[value]!.shape.map((dim) => evaluate(dim, sizes)).join();
    if (expected !== actual) refuse(`gives ${name} the shape [${expected}] instead of [${actual}], so it does something else`);
  });
  const kernels = (one: Graph): string => one.nodes.map(({ kernel }) => kernel).join();
  if (kernels(small.graph) === kernels(first.graph)) return;
  const worst = difference(graph, small.graph, sizes);
  if (worst !== undefined && !(worst <= TOLERANCE)) refuse('computes something else');
}

/** Largest difference of the results of both graphs for drawn inputs; undefined where tfjs-cpu cannot compute them. */
function difference(graph: Graph, small: Graph, sizes: Sizes): number | undefined {
  const count = Object.values(small.values).reduce((total, info) => total + sizeOf(info, {}), 0);
  if (count > COMPARED || [...graph.nodes, ...small.nodes].some(({ kernel }) => kernel === 'Foreign')) return undefined;
  try {
    return onCpu(() => {
      const feeds: Record<string, tf.Tensor> = {};
      [...graph.inputs, ...graph.variables].forEach((info, k) => {
        const shape = info.shape.map((dim) => evaluate(dim, sizes));
        const value = (i: number): number =>
          info.dtype === 'float32' ? Math.sin(1.3 * i + k) + 1.2 : info.dtype === 'bool' ? (i + k) % 2 : 0;
        feeds[info.name] = tf.tensor(
          Array.from({ length: sizeOf(info, sizes) }, (_, i) => value(i)),
          shape,
          info.dtype,
        );
      });
      const twins = new Twins(feeds);
      const [a, b] = [twins.read(graph, sizes), twins.read(small, {})];
      let worst = 0;
      for (const [i, { value }] of [...graph.outputs, ...graph.updates].entries()) {
        const pair = [a.get(value)!, b.get([...small.outputs, ...small.updates][i]!.value)!] as const;
        if (twins.same(...pair)) continue;
        const [x, y] = pair.map((one) => twins.tensor(one).dataSync()) as [tf.BackendValues & number[], tf.BackendValues & number[]];
        x.forEach((value, k) => {
          if (!Object.is(value, y[k]!) && value !== y[k]) worst = Math.max(worst, Math.abs(value - y[k]!) / (1 + Math.abs(value)));
        });
      }
      return worst;
    });
  } catch {
    return undefined;
  }
}
