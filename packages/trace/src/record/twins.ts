import { tf } from '../tf.js';
import type { Sizes } from '../graph/extent.js';
import type { Graph, GraphNode } from '../graph/graph.js';
import { compute, resolve } from './interpret.js';

/** Two graphs of nearly the same operations are compared without computing what is the same in both. */

export const sameBits = (a: ArrayLike<number>, b: ArrayLike<number> | undefined): boolean => {
  if (a.length !== b?.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
};

/** One call of a kernel, or a tensor that is given. */
interface Call {
  /** Kernel and attributes, as text. */
  label: string;
  node?: GraphNode;
  inputs: Result[];
  results?: tf.Tensor[];
}

/** A result of a call. `twin` is an equal one, whose number is lower. */
interface Result {
  number: number;
  call: Call;
  index: number;
  twin?: Result;
}

const plain = (value: unknown): unknown => (typeof value === 'number' ? (Object.is(value, -0) ? '-0' : String(value)) : value);

const present = (result: Result): Result => {
  let one = result;
  while (one.twin) one = one.twin;
  return one;
};

/**
 * Values of several graphs for the same inputs. Calls of a kernel with equal attributes and equal inputs are one, so they are computed once, and
 * not at all where nothing asks for their numbers. The answers are those of computing every graph as a whole.
 */
export class Twins {
  private readonly calls = new Map<string, Result[]>();
  private readonly constants: Result[] = [];
  private readonly given = new Map<string, Result>();
  private readonly different = new Set<string>();
  private count = 0;

  constructor(feeds: Readonly<Record<string, tf.Tensor>>) {
    for (const [name, tensor] of Object.entries(feeds)) this.given.set(name, this.tensorOf(tensor));
  }

  private tensorOf(tensor: tf.Tensor): Result {
    return { number: this.count++, call: { label: '', inputs: [], results: [tensor] }, index: 0 };
  }

  /** The values of a graph by name, at these sizes. */
  read(graph: Graph, sizes: Sizes): ReadonlyMap<string, Result> {
    const values = new Map(this.given);
    for (const [name, data] of Object.entries(graph.constants)) {
      const { shape, dtype } = graph.values[name]!;
      const known = this.constants.find((one) => {
        const tensor = this.tensor(one);
        return tensor.dtype === dtype && tensor.shape.join() === shape.join() && sameBits(data, tensor.dataSync());
      });
      const result = known ?? this.tensorOf(tf.tensor(data, shape as number[], dtype));
      if (!known) this.constants.push(result);
      values.set(name, result);
    }
    for (const node of graph.nodes) {
      const inputs = node.inputs.map((name) => values.get(name)!);
      const attrs = resolve(node.attrs, sizes);
      const label = JSON.stringify([node.kernel, attrs], (_key, value: unknown) => plain(value));
      const key = `${label} ${inputs.map(({ number }) => number).join()}`;
      let results = this.calls.get(key);
      if (!results) {
        const call: Call = { label, node: { ...node, attrs }, inputs };
        results = node.outputs.map((_, index) => ({ number: this.count++, call, index }));
        this.calls.set(key, results);
      }
      node.outputs.forEach((name, i) => values.set(name, results[i]!));
    }
    return values;
  }

  tensor(result: Result): tf.Tensor {
    const wanted = present(result);
    const open = new Map<number, Result>();
    const stack = [wanted];
    while (stack.length > 0) {
      const one = stack.pop()!;
      if (one.call.results || open.has(one.number)) continue;
      open.set(one.number, one);
      for (const input of one.call.inputs) stack.push(present(input));
    }
    // Inputs have lower numbers than results, and twins than each other.
    for (const { call } of [...open.values()].sort((a, b) => a.number - b.number))
      call.results ??= compute(
        call.node!,
        call.inputs.map((input) => {
          const { call: of, index } = present(input);
          return of.results![index]!;
        }),
      );
    return wanted.call.results![wanted.index]!;
  }

  /** True where both values have the same bits. Numbers are computed only from where the operations of both differ. */
  same(first: Result, second: Result): boolean {
    const pair = (a: Result, b: Result): string => `${a.number},${b.number}`;
    const settled = (a: Result, b: Result): boolean => present(a) === present(b) || this.different.has(pair(a, b));
    const stack: [Result, Result][] = [[first, second]];
    while (stack.length > 0) {
      const [a, b] = stack.at(-1)!;
      if (settled(a, b)) {
        stack.pop();
        continue;
      }
      const alike =
        a.call.label !== '' && a.call.label === b.call.label && a.index === b.index && a.call.inputs.length === b.call.inputs.length;
      const inputs = alike ? a.call.inputs.map((input, i): [Result, Result] => [input, b.call.inputs[i]!]) : [];
      const open = inputs.filter((two) => !settled(...two));
      if (open.length > 0) {
        stack.push(...open);
        continue;
      }
      stack.pop();
      if ((alike && inputs.every(([x, y]) => present(x) === present(y))) || this.sameNumbers(a, b)) {
        const [low, high] = [present(a), present(b)].sort((x, y) => x.number - y.number) as [Result, Result];
        if (low !== high) high.twin = low;
      } else this.different.add(pair(a, b));
    }
    return present(first) === present(second);
  }

  private sameNumbers(a: Result, b: Result): boolean {
    const [x, y] = [this.tensor(a), this.tensor(b)];
    return x.dtype === y.dtype && x.shape.join() === y.shape.join() && sameBits(x.dataSync(), y.dataSync());
  }
}
