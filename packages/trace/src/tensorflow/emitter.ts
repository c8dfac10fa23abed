import { TraceError } from '../error.js';
import { bytes, uniform } from '../graph/arrays.js';
import { isExtent, show, symbolName, type Dim } from '../graph/extent.js';
import type { Dtype, Graph, GraphNode, Info, TypedArray } from '../graph/graph.js';
import type { TfAttr, TfNode, TfTensor, TfType } from './encode.js';

/** Static tensors of up to this many equal elements are constants, larger ones `Fill` ops: neither takes room in the file. */
const FILL = 64;

/** Operations that a library has registered in TensorFlow, by their names, which take the place of its own. */
export interface RuntimeOps {
  /** (a, b; transpose_a, transpose_b) of float32 matrices with operands rounded to bfloat16 */
  product?: string;
  /** (a, b, c; transpose_a, transpose_b): the product plus c, in the memory of c where nobody else reads it */
  productAdd?: string;
  /** (x) along the last of two axes, in the memory of x where nobody else reads it */
  softmax?: string;
  /**
   * (p, m, v, g, scale, rate, beta1, beta2, eps, keep) → a scalar that says it is done: m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g²,
   * p ← keep·p − rate·m/(√v + eps) with g the gradient times scale, or 0 where scale is 0. It writes over its first three inputs, which are
   * the memory of variables; whoever reads them has finished before.
   */
  adamw?: string;
}

/** What a lowering writes TensorFlow nodes with. References are `node` or `node:1`, as in `TfNode.inputs`. */
export interface TfEmitter {
  graph: Graph;
  /** Round the operands of matrix products to bfloat16. */
  bfloat16: boolean;
  ops: RuntimeOps;
  info(value: string): Info;
  /** The node that makes a value, if a node does. */
  maker(value: string): GraphNode | undefined;
  /** Append a node and return a reference to its first output. */
  add(op: string, inputs: readonly string[], attrs?: Readonly<Record<string, TfAttr>>): string;
  /** `add` for ops whose one type attribute is called `T`. */
  typed(op: string, type: TfType, inputs: readonly string[], attrs?: Readonly<Record<string, TfAttr>>): string;
  constant(tensor: TfTensor): string;
  /** int32 vector */
  ints(values: readonly number[]): string;
  scalar(value: Dim, type: Dtype): string;
  /** int32 vector with the sizes, computed from the shapes of inputs where they are symbolic. */
  shape(dims: readonly Dim[]): string;
  reshape(x: string, type: TfType, to: readonly Dim[]): string;
  cast(x: string, from: TfType, to: TfType): string;
  /** A full tensor of one value. */
  fill(shape: readonly Dim[], value: Dim, type: Dtype): string;
}

/** References to the outputs of one kernel for references to its inputs. */
export type TfLowering = (node: GraphNode, inputs: readonly string[], emit: TfEmitter) => string | string[];

/** Names of nodes of one SavedModel: unique and of the characters that TensorFlow allows. */
export function createNames(): (wanted: string) => string {
  const taken = new Map<string, number>();
  return (wanted) => {
    const name = wanted.replace(/[^A-Za-z0-9_.\-/]/g, '_').replace(/^[^A-Za-z0-9.]/, 'n$&');
    const count = taken.get(name) ?? 0;
    taken.set(name, count + 1);
    if (count === 0) return name;
    const next = `${name}_${count}`;
    taken.set(next, 1);
    return next;
  };
}

/** Writes nodes named `prefix/…` into `nodes`. `placeholders` gives the nodes that feed the inputs of `graph`. */
export function createTfEmitter(
  graph: Graph,
  nodes: TfNode[],
  { prefix, names, placeholders, bfloat16, ops }: { prefix: string; names: (wanted: string) => string; placeholders: Readonly<Record<string, string>>; bfloat16: boolean; ops: RuntimeOps },
): TfEmitter {
  const shared = new Map<string, string>();
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const once = (key: string, make: () => string): string => {
    let name = shared.get(key);
    if (name === undefined) shared.set(key, (name = make()));
    return name;
  };
  const emit: TfEmitter = {
    graph,
    bfloat16,
    ops,
    info: (value) => graph.values[value]!,
    maker: (value) => makers.get(value),
    add(op, inputs, attrs = {}) {
      const name = names(`${prefix}/${op}`);
      nodes.push({ name, op, inputs, attrs });
      return name;
    },
    typed: (op, type, inputs, attrs = {}) => emit.add(op, inputs, { T: { type }, ...attrs }),
    constant: (tensor) => emit.add('Const', [], { dtype: { type: tensor.type }, value: { tensor } }),
    ints: (values) =>
      once(`ints ${values.join()}`, () => emit.constant({ type: 'int32', dims: [values.length], data: bytes(Int32Array.from(values)) })),
    scalar(value, type) {
      if (isExtent(value)) return type === 'int32' ? extent(value) : emit.cast(extent(value), 'int32', type);
      const exact = type === 'bool' ? Number(Boolean(value)) : value;
      return once(`${type} ${Object.is(exact, -0) ? '-0' : exact}`, () => emit.constant({ type, dims: [], data: exact }));
    },
    shape(dims) {
      if (dims.every((dim) => typeof dim === 'number')) return emit.ints(dims);
      return once(`shape ${dims.map(show).join()}`, () =>
        emit.typed('Pack', 'int32', dims.map((dim) => emit.scalar(dim, 'int32')), { N: { int: dims.length }, axis: { int: 0 } }),
      );
    },
    reshape(x, type, to) {
      // One −1 is inferred: shape arithmetic is the last resort.
      const inferred = to.filter(isExtent).length === 1 && !to.includes(0);
      return emit.typed('Reshape', type, [x, emit.shape(inferred ? to.map((dim) => (isExtent(dim) ? -1 : dim)) : to)], { Tshape: { type: 'int32' } });
    },
    cast: (x, from, to) =>
      from === to ? x : once(`cast ${x} ${to}`, () => emit.add('Cast', [x], { SrcT: { type: from }, DstT: { type: to } })),
    fill(shape, value, type) {
      const size = shape.reduce<number>((total, dim) => total * (isExtent(dim) ? Infinity : dim), 1);
      if (size <= FILL && !isExtent(value)) return emit.constant({ type, dims: shape as number[], data: type === 'bool' ? Number(Boolean(value)) : value });
      return emit.typed('Fill', type, [emit.shape(shape), emit.scalar(value, type)], { index_type: { type: 'int32' } });
    },
  };

  function extent(dim: Dim): string {
    if (!isExtent(dim)) return emit.scalar(dim, 'int32');
    return once(`extent ${show(dim)}`, () => {
      const bare = symbolName(dim);
      if (bare === undefined) {
        const product = dim.dims.map((name) => extent({ coefficient: 1, dims: [name], constant: 0 })).reduce((a, b) => emit.typed('Mul', 'int32', [a, b]));
        const scaled = dim.coefficient === 1 ? product : emit.typed('Mul', 'int32', [product, emit.scalar(dim.coefficient, 'int32')]);
        return dim.constant === 0 ? scaled : emit.typed('AddV2', 'int32', [scaled, emit.scalar(dim.constant, 'int32')]);
      }
      const input = graph.inputs.find((candidate) => candidate.shape.some((entry) => symbolName(entry) === bare));
      if (!input) throw new TraceError(`toSavedModel: no input of '${prefix}' has the symbolic size '${bare}' in its shape; add it to one`);
      const axis = input.shape.findIndex((entry) => symbolName(entry) === bare);
      const sizes = once(`sizes ${input.name}`, () =>
        emit.typed('Shape', input.dtype, [placeholders[input.name]!], { out_type: { type: 'int32' } }),
      );
      return emit.typed('StridedSlice', 'int32', [sizes, emit.ints([axis]), emit.ints([axis + 1]), emit.ints([1])], {
        Index: { type: 'int32' },
        shrink_axis_mask: { int: 1 },
      });
    });
  }
  return emit;
}

/** A baked constant of a graph; uniform ones are not written out. */
export function constantOf(values: TypedArray, { shape, dtype }: Info, emit: TfEmitter): string {
  if (values.length > 1 && uniform(values)) return emit.fill(shape, values[0]!, dtype);
  return emit.constant({ type: dtype, dims: shape as number[], data: bytes(values) });
}
