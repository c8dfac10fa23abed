import { mustBe, mustKnow } from '@mdiff/arguments';
import { TraceError } from '../error.js';
import { join } from '../protobuf.js';
import { bytes } from '../graph/arrays.js';
import { symbolName } from '../graph/extent.js';
import { roots, type Graph, type GraphNode, type TypedArray } from '../graph/graph.js';
import { ownEntry } from '../graph/own.js';
import { product } from '../graph/shapes.js';
import { fusibleAdditions } from '../graph/uses.js';
import { decompose } from '../passes/decompose.js';
import { ELEMENTWISE } from './elementwise.js';
import { Emitter, onnxType, type Lowering } from './emitter.js';
import { DATA_TYPE, encode, type OnnxModel, type OnnxTensor, type OnnxValue, type StoredTensor } from './encode.js';
import { FILLS } from './fills.js';
import { GATHERS, addRowsOnto, isRowSum } from './gathers.js';
import { Int8Weights } from './int8.js';
import { Layouts } from './layout.js';
import { MOVEMENT } from './movement.js';
import { PRODUCTS } from './products.js';
import { REDUCTIONS } from './reductions.js';
import { WINDOWS, WindowContext, writeConvolution } from './windows.js';

export interface OnnxOptions {
  /** Version of the default operator set, 18 to 23. */
  opset?: number;
  /** Values of the inputs or variables that become weights of the model instead of inputs. */
  initializers?: Record<string, TypedArray>;
  /** Initializers stored in 16 bits (IEEE 754 binary16) and cast to float32 by the model: runtimes do that once, when they load it. */
  half?: Readonly<Record<string, Uint16Array>>;
  /** Initializers stored in 8 bits: matrices that products and lookups of rows read. Products with them round what they multiply to 8 bits, too. */
  int8?: ReadonlySet<string>;
  /** Weights by the name that `storedTensors` gives them: the model refers to these bytes of another file and does not hold them. */
  stored?: ReadonlyMap<string, StoredTensor>;
  /**
   * Treat ids of gathers and scatters as TensorFlow.js does (default): negative ones are out of range, and `unsortedSegmentSum` leaves out what
   * is. ONNX counts negative ids from the end. False saves a pass over the ids, and over the updates of a sum, where all are in range.
   */
  checkIds?: boolean;
  /** Use ONNX Runtime's own operators (com.microsoft) and the forms that are fastest on a processor. Without it, any ONNX runtime can load the model. */
  contrib?: boolean;
  /**
   * Write a model that ONNX Runtime's WebGPU runs, too: its MaxPool does not say where the largest values were, so that gradients of `tf.maxPool`
   * become slices. On a processor a training step of a convolution network then takes a third longer.
   */
  webgpu?: boolean;
  /** Foreign operations of the graph that are operators of the default set, such as LayerNormalization. `toOnnx` refuses every other one. */
  ops?: readonly string[];
  name?: string;
  doc?: string;
}

/** One ONNX lowering per kernel that a graph can contain. */
export const ONNX: Readonly<Record<string, Lowering>> = { ...ELEMENTWISE, ...FILLS, ...GATHERS, ...MOVEMENT, ...PRODUCTS, ...REDUCTIONS };

/** Writes a foreign operation as the operator of its name: numbers become floats, booleans become ints. */
const OPTIONS: Record<keyof OnnxOptions, true> = {
  opset: true,
  initializers: true,
  half: true,
  int8: true,
  stored: true,
  checkIds: true,
  contrib: true,
  webgpu: true,
  ops: true,
  name: true,
  doc: true,
};

const callOperator: Lowering = ({ inputs, outputs, attrs: { op, ...attrs } }, emit) => {
  const written = Object.entries(attrs).map(
    ([key, value]) => [key, typeof value === 'boolean' ? { int: Number(value) } : { float: value as number }] as const,
  );
  emit.add(op as string, inputs, Object.fromEntries(written), { outputs });
};

/** Name of the model output that holds the new value of a variable. */
export const updateName = (variable: string): string => {
  mustBe('updateName', 'variable', variable, 'string');
  return `${variable}.next`;
};

function lowerNodes(graph: Graph, ops: readonly string[], emit: Emitter, int8: Int8Weights): void {
  // ONNX Runtime sums rows faster on top of the value that the sum is added to.
  const onto = emit.contrib ? fusibleAdditions(graph, (term) => isRowSum(term, emit)) : new Map<GraphNode, GraphNode>();
  const layouts = new Layouts(emit);
  const context = new WindowContext(graph);
  const postponed = new Set([...onto.values(), ...[...context.biases.values()].map(({ node }) => node)]);
  for (const node of graph.nodes) {
    if (postponed.has(node)) continue;
    const biased = context.biases.get(node);
    if (biased) {
      writeConvolution(biased.node, biased.bias, node.outputs[0]!, emit, layouts);
      continue;
    }
    const window = WINDOWS[node.kernel];
    if (window) {
      window(node, emit, layouts, context);
      continue;
    }
    if (ONNX[node.kernel] && layouts.lower(node, ONNX[node.kernel]!)) continue;
    const sum = onto.get(node);
    for (const input of [...node.inputs, ...(sum?.inputs ?? [])]) layouts.settle(input);
    if (int8.lower(node)) continue;
    if (sum) {
      addRowsOnto(
        sum,
        node.inputs.find((input) => input !== sum.outputs[0])!,
        node.outputs[0]!,
        emit,
      );
      continue;
    }
    const lower = node.kernel === 'Foreign' && ops.includes(node.attrs.op as string) ? callOperator : ONNX[node.kernel];
    if (!lower) throw new TraceError(`kernel ${node.kernel} has no ONNX lowering; write it with other operations`);
    lower(node, emit);
  }
  for (const value of roots(graph)) layouts.settle(value);
}

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };

/** @throws TraceError for an initializer that is no input or variable, has symbolic dimensions, another type or number of elements */
function checkInitializers(graph: Graph, initializers: Readonly<Record<string, TypedArray | Uint16Array>>, half: boolean): void {
  const open = [...graph.inputs, ...graph.variables];
  for (const [key, values] of Object.entries(initializers)) {
    const input = open.find((candidate) => candidate.name === key);
    if (!input)
      throw new TraceError(
        `toOnnx: initializer '${key}' is no input or variable of the graph; expected one of ${open.map((candidate) => candidate.name).join(', ')}`,
      );
    const size = product(input.shape);
    if (typeof size !== 'number')
      throw new TraceError(
        `toOnnx: '${key}' has symbolic dimensions, so it cannot be an initializer; trace it with a shape without symbolic dimensions`,
      );
    if (half && input.dtype !== 'float32')
      throw new TraceError(`toOnnx: '${key}' is ${input.dtype}; only float32 can be stored in 16 bits`);
    const wanted = half ? Uint16Array : ARRAYS[input.dtype];
    if (!((values as unknown) instanceof wanted)) {
      const given = (values as object | null)?.constructor.name ?? String(values);
      throw new TraceError(`toOnnx: initializer '${key}' of ${input.dtype}: expected ${wanted.name}, got ${given}; convert the values`);
    }
    if (size !== values.length) throw new TraceError(`toOnnx: initializer '${key}' has ${values.length} elements; expected ${size}`);
  }
}

/**
 * Lowers a graph to ONNX ModelProto bytes.
 * Inputs of the model are the inputs and then the variables of the graph that are not in `initializers`; outputs are
 * those of the graph and then, for every variable that was assigned, `updateName(variable)`.
 * @throws TraceError for an opset outside 18…23, unknown or wrongly sized initializers, and clashing names
 */
export function toOnnx(graph: Graph, options: OnnxOptions = {}): Uint8Array {
  mustBe('toOnnx', 'graph', graph, 'object');
  mustBe('toOnnx', 'options', options, 'object');
  mustKnow('toOnnx', options, OPTIONS);
  return join(encode(onnxModel(graph, options)));
}

/** The model that `toOnnx` encodes, with the weights where they are. */
export function onnxModel(whole: Graph, options: OnnxOptions = {}): OnnxModel {
  const {
    opset = 21,
    initializers = {},
    half = {},
    int8 = new Set(),
    stored: elsewhere = new Map(),
    contrib = false,
    webgpu = false,
    checkIds = true,
    ops = [],
    name = 'traced',
    doc,
  } = options;
  if (!Number.isInteger(opset) || opset < 18 || opset > 23) throw new TraceError(`toOnnx: opset ${opset} is not supported; use 18 to 23`);
  const graph = decompose(whole, ({ kernel }) => !WINDOWS[kernel] || (webgpu && kernel === 'MaxPoolGrad'));
  checkInitializers(graph, initializers, false);
  checkInitializers(graph, half, true);
  const open = [...graph.inputs, ...graph.variables];
  const emit = new Emitter(graph, contrib, checkIds);
  const weights: OnnxTensor[] = [];
  const int8Weights = new Int8Weights(graph, emit);
  for (const input of open) {
    const values = ownEntry(initializers, input.name);
    const short = ownEntry(half, input.name);
    if (short) {
      const stored = `${input.name}.float16`;
      weights.push({ name: stored, type: 'float16', dims: input.shape as number[], data: elsewhere.get(stored) ?? bytes(short) });
      emit.add('Cast', [stored], { to: { int: DATA_TYPE.float32 } }, { outputs: [input.name] });
    } else if (values instanceof Float32Array && int8.has(input.name)) {
      const parts = int8Weights.store(input.name, values);
      weights.push(...parts.map((part) => ({ ...part, data: elsewhere.get(part.name) ?? part.data })));
    } else if (values) {
      const data = elsewhere.get(input.name) ?? bytes(values);
      weights.push({ name: input.name, type: onnxType(input.dtype), dims: input.shape as number[], data });
    }
  }
  for (const [key, values] of Object.entries(graph.constants)) {
    const { shape, dtype } = graph.values[key]!;
    weights.push({ name: key, type: onnxType(dtype), dims: shape as number[], data: bytes(values) });
  }
  lowerNodes(graph, ops, emit, int8Weights);
  const value = (valueName: string, of: string): OnnxValue => {
    const { shape, dtype } = graph.values[of]!;
    return { name: valueName, type: onnxType(dtype), shape: shape.map((dim) => (typeof dim === 'number' ? dim : symbolName(dim))) };
  };
  // Identity nodes give outputs their names; runtimes remove them.
  const results = [
    ...graph.outputs.map((output) => [output.name, output.value] as const),
    ...graph.updates.map((update) => [updateName(update.variable), update.value] as const),
  ];
  const taken = new Set(open.map((input) => input.name));
  for (const [result, from] of results) {
    if (taken.has(result) || result.startsWith('_'))
      throw new TraceError(`toOnnx: output '${result}' has the name of another value; rename it`);
    taken.add(result);
    emit.add('Identity', [from], {}, { outputs: [result] });
  }
  return {
    name,
    ...(doc === undefined ? {} : { doc }),
    opsets: contrib ? { '': opset, 'com.microsoft': 1 } : { '': opset },
    nodes: emit.nodes,
    initializers: [...weights, ...emit.initializers],
    inputs: open
      .filter((input) => !Object.hasOwn(initializers, input.name) && !Object.hasOwn(half, input.name))
      .map((input) => value(input.name, input.name)),
    outputs: results.map(([result, from]) => value(result, from)),
  };
}
