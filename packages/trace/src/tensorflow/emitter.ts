import { TraceError } from '../error.js';
import { bytes, uniform } from '../graph/arrays.js';
import { fraction, isExtent, keyOf, symbol as symbolOf, symbolName, terms, type Dim, type Extent } from '../graph/extent.js';
import type { Dtype, Graph, GraphNode, Info, TypedArray } from '../graph/graph.js';
import { producersOf } from '../graph/uses.js';
import type { TfAttr, TfNode, TfTensor, TfType } from './encode.js';

/** A tensor of equal elements is a constant up to this many of them, a `Fill` above; both take a few bytes in the file. */
const FILL = 64;

/** Names of operations that a library has registered in TensorFlow and that replace TensorFlow's own. */
export interface RuntimeOps {
  /** (a, b; transpose_a, transpose_b) of float32 matrices */
  product?: string;
  /** (a, b, c; transpose_a, transpose_b): the product plus c, in the memory of c when nothing else reads it */
  productAdd?: string;
  /** of the operands of these two, which replace only products of signatures with this precision; bfloat16 by default */
  precision?: 'bfloat16' | 'float32';
  /** (x) along the last of two axes, in the memory of x when nothing else reads it */
  softmax?: string;
}

/** Gives a node of a SavedModel a name that no other has, close to the wanted one. */
export type Names = (wanted: string) => string;

/** Names are unique and have only characters that TensorFlow allows. */
export function createNames(): Names {
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

/** The nodes that an emitter adds to, and options of the whole SavedModel. */
export interface EmitterTarget {
  nodes: TfNode[];
  names: Names;
  /** Round the operands of matrix products to bfloat16. */
  bfloat16: boolean;
  ops: RuntimeOps;
}

/** Collects the TensorFlow nodes that lowerings write. References are `node` or `node:1`, as in `TfNode.inputs`. */
export class TfEmitter {
  private readonly shared = new Map<string, string>();
  private readonly producers: Map<string, GraphNode>;

  /** Writes nodes named `prefix/…`. `placeholders` gives the nodes that feed the inputs of `graph`. */
  constructor(
    private readonly graph: Graph,
    private readonly target: EmitterTarget,
    private readonly prefix: string,
    private readonly placeholders: Readonly<Record<string, string>>,
  ) {
    this.producers = producersOf(graph);
  }

  get bfloat16(): boolean {
    return this.target.bfloat16;
  }

  get ops(): RuntimeOps {
    return this.target.ops;
  }

  info(value: string): Info {
    return this.graph.values[value]!;
  }

  /** The node that makes a value, if a node does. */
  producer(value: string): GraphNode | undefined {
    return this.producers.get(value);
  }

  /** Append a node and return a reference to its first output. */
  add(op: string, inputs: readonly string[], attrs: Readonly<Record<string, TfAttr>> = {}): string {
    const name = this.target.names(`${this.prefix}/${op}`);
    this.target.nodes.push({ name, op, inputs, attrs });
    return name;
  }

  /** `add` for operations whose one type attribute is called `T`. */
  typed(op: string, type: TfType, inputs: readonly string[], attrs: Readonly<Record<string, TfAttr>> = {}): string {
    return this.add(op, inputs, { T: { type }, ...attrs });
  }

  constant(tensor: TfTensor): string {
    return this.add('Const', [], { dtype: { type: tensor.type }, value: { tensor } });
  }

  /** int32 vector */
  ints(values: readonly number[]): string {
    return this.once(`ints ${values.join()}`, () =>
      this.constant({ type: 'int32', dims: [values.length], data: bytes(Int32Array.from(values)) }),
    );
  }

  scalar(value: Dim, type: Dtype): string {
    if (isExtent(value)) return type === 'int32' ? this.size(value) : this.cast(this.size(value), 'int32', type);
    const exact = type === 'bool' ? Number(Boolean(value)) : value;
    return this.once(`${type} ${Object.is(exact, -0) ? '-0' : exact}`, () => this.constant({ type, dims: [], data: exact }));
  }

  /** int32 vector with the sizes, computed from the shapes of inputs where they are symbolic. */
  shape(dims: readonly Dim[]): string {
    if (dims.every((dim) => typeof dim === 'number')) return this.ints(dims);
    return this.once(`shape ${keyOf(dims)}`, () => {
      const sizes = dims.map((dim) => this.scalar(dim, 'int32'));
      return this.typed('Pack', 'int32', sizes, { N: { int: dims.length }, axis: { int: 0 } });
    });
  }

  reshape(x: string, type: TfType, to: readonly Dim[]): string {
    // TensorFlow infers one −1. Only a second unknown size has to be computed.
    const inferred = to.filter(isExtent).length === 1 && !to.includes(0);
    const shape = this.shape(inferred ? to.map((dim) => (isExtent(dim) ? -1 : dim)) : to);
    return this.typed('Reshape', type, [x, shape], { Tshape: { type: 'int32' } });
  }

  cast(x: string, from: TfType, to: TfType): string {
    return from === to ? x : this.once(`cast ${x} ${to}`, () => this.add('Cast', [x], { SrcT: { type: from }, DstT: { type: to } }));
  }

  /** A tensor whose elements are all `value`. */
  fill(shape: readonly Dim[], value: Dim, type: Dtype): string {
    const size = shape.reduce<number>((total, dim) => total * (isExtent(dim) ? Infinity : dim), 1);
    if (size <= FILL && !isExtent(value))
      return this.constant({ type, dims: shape as number[], data: type === 'bool' ? Number(Boolean(value)) : value });
    return this.typed('Fill', type, [this.shape(shape), this.scalar(value, type)], { index_type: { type: 'int32' } });
  }

  private once(key: string, make: () => string): string {
    let reference = this.shared.get(key);
    if (reference === undefined) this.shared.set(key, (reference = make()));
    return reference;
  }

  /** int32 scalar with a symbolic size. */
  private size(extent: Extent): string {
    return this.once(`extent ${keyOf([extent])}`, () => {
      const symbol = symbolName(extent);
      if (symbol !== undefined) return this.sizeOfInput(symbol);
      const scaled = terms(extent)
        .map((term) => {
          const product = term.dims.map((name) => this.size(symbolOf(name))).reduce((a, b) => this.typed('Mul', 'int32', [a, b]));
          const [numerator, denominator] = fraction(term);
          const times = numerator === 1 ? product : this.typed('Mul', 'int32', [product, this.scalar(numerator, 'int32')]);
          return denominator === 1 ? times : this.typed('FloorDiv', 'int32', [times, this.scalar(denominator, 'int32')]);
        })
        .reduce((a, b) => this.typed('AddV2', 'int32', [a, b]));
      return extent.constant === 0 ? scaled : this.typed('AddV2', 'int32', [scaled, this.scalar(extent.constant, 'int32')]);
    });
  }

  /** int32 scalar with the size of the first input axis that is this symbol. */
  private sizeOfInput(symbol: string): string {
    const input = this.graph.inputs.find(({ shape }) => shape.some((dim) => symbolName(dim) === symbol));
    if (!input)
      throw new TraceError(`toSavedModel: no input of '${this.prefix}' has the symbolic size '${symbol}' in its shape; add it to one`);
    const axis = input.shape.findIndex((dim) => symbolName(dim) === symbol);
    const sizes = this.once(`sizes ${input.name}`, () =>
      this.typed('Shape', input.dtype, [this.placeholders[input.name]!], { out_type: { type: 'int32' } }),
    );
    return this.typed('StridedSlice', 'int32', [sizes, this.ints([axis]), this.ints([axis + 1]), this.ints([1])], {
      Index: { type: 'int32' },
      shrink_axis_mask: { int: 1 },
    });
  }
}

/** Takes references to the inputs of one kernel and returns references to its outputs. */
export type TfLowering = (node: GraphNode, inputs: readonly string[], emit: TfEmitter) => string | string[];

/** Writes a constant of a graph; equal elements are written once. */
export function constantOf(values: TypedArray, { shape, dtype }: Info, emit: TfEmitter): string {
  if (values.length > 1 && uniform(values)) return emit.fill(shape, values[0]!, dtype);
  return emit.constant({ type: dtype, dims: shape as number[], data: bytes(values) });
}
