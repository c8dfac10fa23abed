import { equal, fraction, isExtent, keyOf, symbol, symbolName, terms, type Dim, type Extent } from '../graph/extent.js';
import type { Dtype, Graph, GraphNode, Info } from '../graph/graph.js';
import { DATA_TYPE, type OnnxAttr, type OnnxNode, type OnnxTensor, type OnnxType } from './encode.js';

/** Collects the ONNX nodes and initializers that lowerings write. */
export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  private readonly shared = new Map<string, string>();
  private readonly copies = new Map<string, Info>();
  private count = 0;

  constructor(
    private readonly graph: Graph,
    /** Lowerings may use the operators of com.microsoft. */
    readonly contrib: boolean,
    /** Ids out of range are treated as TensorFlow.js does, instead of as ONNX does. */
    readonly checkIds = true,
  ) {}

  info(name: string): Info {
    return this.copies.get(name) ?? this.graph.values[name]!;
  }

  /** A name for a value that the graph does not have. */
  declare(info: Info): string {
    const name = this.fresh();
    this.copies.set(name, info);
    return name;
  }

  /** Append a node and return its first output; outputs get fresh names unless `outputs` names them. */
  add(op: string, inputs: string[], attrs: Record<string, OnnxAttr> = {}, options: { domain?: string; outputs?: string[] } = {}): string {
    const outputs = options.outputs ?? [this.fresh()];
    this.nodes.push({ op, domain: options.domain ?? '', inputs, outputs, attrs });
    return outputs[0]!;
  }

  tensor(type: OnnxType, dims: readonly number[], values: readonly number[]): string {
    const key = `${type}[${dims.join()}]${values.map((value) => (Object.is(value, -0) ? '-0' : value)).join()}`;
    return this.once(key, () => {
      const name = this.fresh();
      this.initializers.push({ name, type, dims, data: encodeValues(type, values) });
      return name;
    });
  }

  /** int64 vector */
  ints(values: readonly number[]): string {
    return this.tensor('int64', [values.length], values);
  }

  /** Scalar with the value of `value`, computed from the shapes of inputs when it is symbolic. */
  scalar(value: Dim, type: OnnxType): string {
    if (isExtent(value)) return this.cast(this.add('Squeeze', [this.shape([value])]), type);
    return this.tensor(type, [], [value]);
  }

  /** An int64 vector with the sizes: fixed ones are constants, symbolic ones are computed from the shapes of inputs. */
  shape(dims: readonly Dim[]): string {
    if (dims.every((dim) => typeof dim === 'number')) return this.ints(dims);
    return this.once(`shape ${keyOf(dims)}`, () => {
      const parts: string[] = [];
      for (let i = 0; i < dims.length;) {
        const dim = dims[i]!;
        if (isExtent(dim)) {
          parts.push(this.size(dim));
          i++;
        } else {
          const fixed: number[] = [];
          while (i < dims.length && typeof dims[i] === 'number') fixed.push(dims[i++] as number);
          parts.push(this.ints(fixed));
        }
      }
      return parts.length === 1 ? parts[0]! : this.add('Concat', parts, { axis: { int: 0 } });
    });
  }

  reshape(x: string, from: readonly Dim[], to: readonly Dim[], output?: string): string {
    const options = output ? { outputs: [output] } : {};
    const zero = to.some((dim) => dim === 0);
    if (!to.some(isExtent)) return this.add('Reshape', [x, this.ints(to as number[])], zero ? { allowzero: { int: 1 } } : {}, options);
    // In ONNX, 0 copies the size of the same axis and a single −1 is inferred. Only a second unknown size has to be computed.
    const copied = to.map((dim, i) => (isExtent(dim) && i < from.length && equal(dim, from[i]!) ? 0 : dim));
    const inferable = zero ? undefined : [to, copied].find((dims) => dims.filter(isExtent).length <= 1);
    const shape = inferable ? this.ints(inferable.map((dim) => (isExtent(dim) ? -1 : dim))) : this.shape(to);
    return this.add('Reshape', [x, shape], {}, options);
  }

  /** A transpose, or a reshape where only axes of size one move. */
  permute(x: string, from: readonly Dim[], perm: readonly number[], output?: string): string {
    const moved = perm.filter((axis) => from[axis] !== 1);
    if (moved.every((axis, i) => i === 0 || axis > moved[i - 1]!)) return this.reshape(x, from, perm.map((axis) => from[axis]!), output); // prettier-ignore
    return this.add('Transpose', [x], { perm: { ints: perm } }, output ? { outputs: [output] } : {});
  }

  cast(x: string, to: OnnxType, output?: string): string {
    return this.add('Cast', [x], { to: { int: DATA_TYPE[to] } }, output ? { outputs: [output] } : {});
  }

  private fresh(): string {
    return `__${this.count++}`;
  }

  /** What `make` returned for this key the first time. */
  once(key: string, make: () => string): string {
    let name = this.shared.get(key);
    if (name === undefined) this.shared.set(key, (name = make()));
    return name;
  }

  /** One-element int64 vector with a symbolic size. */
  private size(extent: Extent): string {
    return this.once(`extent ${keyOf([extent])}`, () => {
      const bare = symbolName(extent);
      if (bare !== undefined) {
        const input = this.graph.inputs.find(({ shape }) => shape.some((dim) => symbolName(dim) === bare))!;
        const axis = input.shape.findIndex((dim) => symbolName(dim) === bare);
        return this.add('Shape', [input.name], { start: { int: axis }, end: { int: axis + 1 } });
      }
      let name = terms(extent)
        .map((term) => {
          const product = term.dims.map((dim) => this.size(symbol(dim))).reduce((a, b) => this.add('Mul', [a, b]));
          const [numerator, denominator] = fraction(term);
          const times = numerator === 1 ? product : this.add('Mul', [product, this.ints([numerator])]);
          return denominator === 1 ? times : this.add('Div', [times, this.ints([denominator])]);
        })
        .reduce((a, b) => this.add('Add', [a, b]));
      if (extent.constant !== 0) name = this.add('Add', [name, this.ints([extent.constant])]);
      return name;
    });
  }
}

/** Writes the ONNX nodes of one kernel; the result must carry the names `node.outputs`. */
export type Lowering = (node: GraphNode, emit: Emitter) => void;

/** The end of a slice that goes to the end of its axis. */
export const TO_END = Number.MAX_SAFE_INTEGER;

function encodeValues(type: OnnxType, values: readonly number[]): Uint8Array {
  const array =
    type === 'int64'
      ? BigInt64Array.from(values, BigInt)
      : type === 'float32'
        ? Float32Array.from(values)
        : type === 'int32'
          ? Int32Array.from(values)
          : Uint8Array.from(values);
  return new Uint8Array(array.buffer);
}

export const onnxType = (dtype: Dtype): OnnxType => dtype;
