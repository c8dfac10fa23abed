import { equal, isExtent, show, symbolName, type Dim } from '../graph/extent.js';
import type { Dtype, Graph, GraphNode, Info } from '../graph/graph.js';
import { DATA_TYPE, type OnnxAttr, type OnnxNode, type OnnxTensor, type OnnxType } from './encode.js';

/** What a lowering writes ONNX nodes with. */
export interface Emitter {
  graph: Graph;
  /** com.microsoft operators may be used. */
  contrib: boolean;
  nodes: OnnxNode[];
  initializers: OnnxTensor[];
  info(name: string): Info;
  /** Append a node and return its outputs; they get fresh names unless `outputs` names them. */
  add(op: string, inputs: string[], attrs?: Record<string, OnnxAttr>, options?: { domain?: string; outputs?: string[] }): string;
  ints(values: readonly number[]): string;
  /** Scalar with the value of `value`, computed from the shapes of inputs when it is symbolic. */
  scalar(value: Dim, type: OnnxType): string;
  tensor(type: OnnxType, dims: readonly number[], values: readonly number[]): string;
  /** An int64 vector with the sizes; constants where they are known, arithmetic on the shapes of inputs where not. */
  shape(dims: readonly Dim[]): string;
  reshape(x: string, from: readonly Dim[], to: readonly Dim[], output?: string): string;
  cast(x: string, to: OnnxType, output?: string): string;
}

/** Writes the ONNX nodes of one kernel; the result must carry the names `node.outputs`. */
export type Lowering = (node: GraphNode, emit: Emitter) => void;

const LIMITS = { maxInt64: Number.MAX_SAFE_INTEGER };
/** As an end of a slice: up to the end, whatever the size. */
export const TO_END = LIMITS.maxInt64;

export function encodeValues(type: OnnxType, values: readonly number[]): Uint8Array {
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

export function createEmitter(graph: Graph, contrib: boolean): Emitter {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const shared = new Map<string, string>();
  let count = 0;
  const fresh = (): string => `__${count++}`;

  const emit: Emitter = {
    graph,
    contrib,
    nodes,
    initializers,
    info: (name) => graph.values[name]!,
    add(op, inputs, attrs = {}, options = {}) {
      const outputs = options.outputs ?? [fresh()];
      nodes.push({ op, domain: options.domain ?? '', inputs, outputs, attrs });
      return outputs[0]!;
    },
    tensor(type, dims, values) {
      const key = `${type}[${dims.join()}]${values.map((value) => (Object.is(value, -0) ? '-0' : value)).join()}`;
      let name = shared.get(key);
      if (!name) {
        name = fresh();
        shared.set(key, name);
        initializers.push({ name, type, dims, data: encodeValues(type, values) });
      }
      return name;
    },
    ints: (values) => emit.tensor('int64', [values.length], values),
    scalar: (value, type) => (isExtent(value) ? emit.cast(emit.add('Squeeze', [emit.shape([value])]), type) : emit.tensor(type, [], [value])),
    shape(dims) {
      if (dims.every((dim) => typeof dim === 'number')) return emit.ints(dims);
      const key = `shape ${dims.map(show).join()}`;
      const known = shared.get(key);
      if (known) return known;
      const parts: string[] = [];
      for (let i = 0; i < dims.length; ) {
        const dim = dims[i]!;
        if (isExtent(dim)) {
          parts.push(extent(dim));
          i++;
        } else {
          const fixed: number[] = [];
          while (i < dims.length && typeof dims[i] === 'number') fixed.push(dims[i++] as number);
          parts.push(emit.ints(fixed));
        }
      }
      const name = parts.length === 1 ? parts[0]! : emit.add('Concat', parts, { axis: { int: 0 } });
      shared.set(key, name);
      return name;
    },
    reshape(x, from, to, output) {
      const options = output ? { outputs: [output] } : {};
      const dynamic = to.filter(isExtent).length;
      // 0 copies the size of the same axis, one −1 is inferred: shape arithmetic is the last resort.
      const copied = to.map((dim, i) => (isExtent(dim) && i < from.length && equal(dim, from[i]!) ? 0 : dim));
      const left = copied.filter(isExtent).length;
      const zero = to.some((dim) => dim === 0);
      if (dynamic === 0) return emit.add('Reshape', [x, emit.ints(to as number[])], zero ? { allowzero: { int: 1 } } : {}, options);
      if (dynamic === 1 && !zero) return emit.add('Reshape', [x, emit.ints(to.map((dim) => (isExtent(dim) ? -1 : dim)))], {}, options);
      if (left <= 1 && !zero) return emit.add('Reshape', [x, emit.ints(copied.map((dim) => (isExtent(dim) ? -1 : dim)))], {}, options);
      return emit.add('Reshape', [x, emit.shape(to)], {}, options);
    },
    cast: (x, to, output) => emit.add('Cast', [x], { to: { int: DATA_TYPE[to] } }, output ? { outputs: [output] } : {}),
  };

  /** One-element int64 vector. */
  function extent(dim: Dim): string {
    if (!isExtent(dim)) return emit.ints([dim]);
    const key = `extent ${show(dim)}`;
    const known = shared.get(key);
    if (known) return known;
    let name: string;
    const bare = symbolName(dim);
    if (bare !== undefined) {
      const input = graph.inputs.find((candidate) => candidate.shape.some((entry) => symbolName(entry) === bare))!;
      const axis = input.shape.findIndex((entry) => symbolName(entry) === bare);
      name = emit.add('Shape', [input.name], { start: { int: axis }, end: { int: axis + 1 } });
    } else {
      name = dim.dims.map((symbol) => extent({ coefficient: 1, dims: [symbol], constant: 0 })).reduce((a, b) => emit.add('Mul', [a, b]));
      if (dim.coefficient !== 1) name = emit.add('Mul', [name, emit.ints([dim.coefficient])]);
      if (dim.constant !== 0) name = emit.add('Add', [name, emit.ints([dim.constant])]);
    }
    shared.set(key, name);
    return name;
  }
  return emit;
}

export const onnxType = (dtype: Dtype): OnnxType => dtype;
