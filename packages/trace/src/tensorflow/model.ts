import { TraceError } from '../error.js';
import { isExtent, show, type Dim } from '../graph/extent.js';
import { roots, type Dtype, type Graph, type GraphNode } from '../graph/graph.js';
import { equalShapes } from '../graph/shapes.js';
import { writeAdamw, type AdamwSlots } from './adamw.js';
import { ELEMENTWISE } from './elementwise.js';
import { constantOf, createNames, createTfEmitter, type RuntimeOps, type TfEmitter, type TfLowering } from './emitter.js';
import { encodeSavedModel, type TfNode, type TfSignature, type TfValue } from './encode.js';
import { FILLS } from './fills.js';
import { GATHERS } from './gathers.js';
import { MOVEMENT } from './movement.js';
import { PRODUCTS, callForeign, isProduct, ownProduct } from './products.js';
import { REDUCTIONS } from './reductions.js';

export interface SavedModelOptions {
  /** Resource variables by name; all signatures share them. */
  variables: Record<string, { shape: number[]; dtype: Dtype }>;
  /** `graph.variables` are reads of these variables, `graph.updates` assign them before the outputs are returned. */
  signatures: Record<string, SavedModelSignature>;
  /** Matrix products of operands rounded to bfloat16, unless a signature says otherwise; their results, and everything else, are float32. */
  bfloat16?: boolean;
  /** Operations of a library that is loaded before the model is. */
  ops?: RuntimeOps;
}

export interface SavedModelSignature {
  graph: Graph;
  /**
   * AdamW on variables whose gradients are outputs of the graph, which are then not returned.
   * Adds the scalar inputs `adam.clip`, `adam.rate`, `adam.root`, `adam.eps`, `adam.keep`, `adam.ema` and the output `grad_norm`.
   */
  adamw?: AdamwSlots;
  /** These float32 outputs come back as one flat vector of this name, in this order, instead of one by one. */
  flat?: { name: string; outputs: string[] };
  bfloat16?: boolean;
}

/** One TensorFlow lowering per kernel that a graph can contain. */
export const TENSORFLOW: Readonly<Record<string, TfLowering>> = { ...ELEMENTWISE, ...FILLS, ...GATHERS, ...MOVEMENT, ...PRODUCTS, ...REDUCTIONS };

const RESERVED = ['init', 'read'];
/** Operations whose result is their operand's memory. */
const ALIASES = ['Reshape', 'Identity', 'ExpandDims', 'Squeeze'];
const open = (shape: readonly Dim[]): number[] => shape.map((dim) => (isExtent(dim) ? -1 : dim));

/**
 * Lower graphs to the bytes of `saved_model.pb`, the only file of a SavedModel without weights (tag `serve`).
 * Beside `signatures` there are `init` (inputs: a value for every variable, by name; output `done`), which has to run before
 * the others, and `read` (outputs: every variable by name). A signature that would return nothing returns `done`.
 * @throws TraceError for variables that do not fit, clashing names, and baked constants too large for protobuf
 */
export function toSavedModel({ variables, signatures, bfloat16 = false, ops = {} }: SavedModelOptions): Uint8Array {
  const nodes: TfNode[] = [];
  const names = createNames();
  const handles: Record<string, string> = {};
  for (const [name, { shape, dtype }] of Object.entries(variables)) {
    handles[name] = names(`variable/${name}`);
    nodes.push({ name: handles[name], op: 'VarHandleOp', inputs: [], attrs: { dtype: { type: dtype }, shape: { shape }, shared_name: { string: name } } });
  }
  const written: Record<string, TfSignature> = {};
  for (const [key, signature] of Object.entries(signatures)) {
    if (key === '' || key.startsWith('_') || RESERVED.includes(key))
      throw new TraceError(`toSavedModel: signature '${key}': expected a name other than ${RESERVED.join(' and ')} that does not start with '_'; rename it`);
    written[key] = writeSignature(key, signature, { variables, handles, nodes, names, bfloat16: signature.bfloat16 ?? bfloat16, ops });
  }
  return encodeSavedModel(nodes, { ...written, ...lifecycle(variables, handles, nodes, names) });
}

interface Place {
  variables: SavedModelOptions['variables'];
  handles: Record<string, string>;
  nodes: TfNode[];
  names: (wanted: string) => string;
  bfloat16: boolean;
  ops: RuntimeOps;
}

/** What AdamW and other writers of updates need of a signature. */
export interface Session {
  key: string;
  emit: TfEmitter;
  variables: SavedModelOptions['variables'];
  handles: Readonly<Record<string, string>>;
  /** Value of a variable before this run changes it. */
  read(variable: string): string;
  /** Control input that keeps an assignment behind that read, if there is one. */
  afterRead(variable: string): string[];
  /** Control inputs that keep what writes over a variable's memory behind everything that reads it; undefined when the signature returns it. */
  readers(variable: string): string[] | undefined;
  /** Control inputs that stand for every update. */
  updates: string[];
  input(name: string, dtype: Dtype, shape: readonly Dim[]): string;
}

function writeSignature(key: string, { graph, adamw, flat }: SavedModelSignature, place: Place): TfSignature {
  const { variables, handles, nodes, names, bfloat16, ops } = place;
  const fail = (message: string): never => {
    throw new TraceError(`toSavedModel: signature '${key}': ${message}`);
  };
  const inputs: Record<string, TfValue> = {};
  const placeholders: Record<string, string> = {};
  const input = (name: string, dtype: Dtype, shape: readonly Dim[]): string => {
    if (inputs[name] || variables[name]) fail(`input '${name}' has the name of another input or variable; rename it`);
    const node = names(`${key}/${name}`);
    nodes.push({ name: node, op: 'Placeholder', inputs: [], attrs: { dtype: { type: dtype }, shape: { shape: open(shape) } } });
    inputs[name] = { tensor: `${node}:0`, type: dtype, shape: open(shape) };
    return (placeholders[name] = node);
  };
  const references = new Map<string, string>();
  for (const { name, dtype, shape } of graph.inputs) references.set(name, input(name, dtype, shape));

  const emit = createTfEmitter(graph, nodes, { prefix: key, names, placeholders, bfloat16, ops });
  const reads = new Map<string, string>();
  const known = (variable: string, shape: readonly Dim[] | undefined, dtype: Dtype, what: string): void => {
    const spec = variables[variable];
    if (!spec) return void fail(`${what} '${variable}' is no variable; expected one of ${Object.keys(variables).join(', ') || 'none'}`);
    if (shape && !(equalShapes(shape, spec.shape) && dtype === spec.dtype))
      fail(`${what} '${variable}' is ${dtype}[${shape.map(show).join()}]; expected ${spec.dtype}[${spec.shape.join()}]`);
  };
  const read = (variable: string): string => {
    const { dtype } = variables[variable]!;
    if (!reads.has(variable)) reads.set(variable, emit.add('ReadVariableOp', [handles[variable]!], { dtype: { type: dtype } }));
    return reads.get(variable)!;
  };
  for (const { name, shape, dtype } of graph.variables) {
    known(name, shape, dtype, 'variable');
    references.set(name, read(name));
  }
  for (const [name, values] of Object.entries(graph.constants)) references.set(name, constantOf(values, graph.values[name]!, emit));
  const added = addedProducts(graph, emit);
  const postponed = new Set(added.values());
  for (const node of graph.nodes) {
    if (postponed.has(node)) continue;
    const into = added.get(node);
    if (into) {
      const other = node.inputs.find((input) => input !== into.outputs[0])!;
      references.set(node.outputs[0]!, ownProduct(into, into.inputs.map((name) => references.get(name)!), references.get(other)!, emit));
      continue;
    }
    const lower = node.kernel === 'Foreign' ? callForeign : TENSORFLOW[node.kernel];
    if (!lower) throw new TraceError(`kernel ${node.kernel} has no TensorFlow lowering; write it with other operations`);
    const made = [lower(node, node.inputs.map((name) => references.get(name)!), emit)].flat();
    node.outputs.forEach((output, i) => references.set(output, made[i]!));
  }

  const afterRead = (variable: string): string[] => (reads.has(variable) ? [`^${reads.get(variable)!}`] : []);
  const returned = new Set(graph.outputs.map(({ value }) => references.get(value)!));
  const consumers = new Map<string, TfNode[]>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      if (consumers.has(input)) consumers.get(input)!.push(node);
      else consumers.set(input, [node]);
    }
  }
  const readers = (variable: string): string[] | undefined => {
    const same = [reads.get(variable)!];
    const after = new Set<string>();
    // Grows while it is walked: what reads an alias reads the variable.
    for (const value of same) {
      for (const { name, op } of consumers.get(value) ?? []) {
        after.add(`^${name}`);
        if (ALIASES.includes(op)) same.push(name);
      }
    }
    return same.some((one) => returned.has(one)) ? undefined : [...after];
  };
  const updates: string[] = [];
  const assigned = new Set<string>();
  const claim = (variable: string, what: string): void => {
    if (assigned.has(variable)) fail(`${what} '${variable}' is changed twice; a signature changes a variable once`);
    assigned.add(variable);
  };
  for (const { variable, value } of graph.updates) {
    known(variable, emit.info(value).shape, emit.info(value).dtype, 'updated variable');
    claim(variable, 'variable');
    const { dtype } = variables[variable]!;
    updates.push(`^${emit.add('AssignVariableOp', [handles[variable]!, references.get(value)!, ...afterRead(variable)], { dtype: { type: dtype } })}`);
  }

  const values = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  const valueOf = (output: string, what: string): string =>
    values.get(output) ?? fail(`${what} '${output}' is no output of the graph; expected one of ${[...values.keys()].join(', ')}`);
  const results: { name: string; tensor: string; type: Dtype; shape: readonly Dim[] }[] = [];
  const hidden = new Set<string>();
  if (adamw) {
    const gradients = adamw.slots.map(({ variable, m, v, ema, gradient }) => {
      const { shape, dtype } = emit.info(valueOf(gradient, 'gradient'));
      for (const name of ema === undefined ? [variable, m, v] : [variable, m, v, ema]) {
        known(name, undefined, dtype, 'variable of adamw');
        if (dtype !== 'float32' || variables[name]!.dtype !== 'float32' || !equalShapes(shape, variables[name]!.shape))
          fail(`gradient '${gradient}' is ${dtype}[${shape.map(show).join()}], but '${name}' is ${variables[name]!.dtype}[${variables[name]!.shape.join()}]; expected float32 of one shape`);
        claim(name, 'variable of adamw');
      }
      hidden.add(gradient);
      return references.get(valueOf(gradient, 'gradient'))!;
    });
    const norm = writeAdamw(adamw, gradients, { key, emit, variables, handles, read, afterRead, readers, updates, input });
    results.push({ name: 'grad_norm', tensor: norm, type: 'float32', shape: [] });
  }
  if (flat) {
    const parts = flat.outputs.map((output) => {
      const value = valueOf(output, 'flat output');
      if (emit.info(value).dtype !== 'float32') fail(`flat output '${output}' is ${emit.info(value).dtype}; expected float32`);
      hidden.add(output);
      return emit.typed('Reshape', 'float32', [references.get(value)!, emit.ints([-1])], { Tshape: { type: 'int32' } });
    });
    if (parts.length === 0) fail(`flat output '${flat.name}' has no parts; list outputs or leave it out`);
    const joined = { N: { int: parts.length }, Tidx: { type: 'int32' } } as const;
    const vector = parts.length === 1 ? parts[0]! : emit.typed('ConcatV2', 'float32', [...parts, emit.scalar(0, 'int32')], joined);
    results.push({ name: flat.name, tensor: vector, type: 'float32', shape: [-1] });
  }
  for (const { name, value } of graph.outputs) {
    const { shape, dtype } = emit.info(value);
    if (!hidden.has(name)) results.push({ name, tensor: references.get(value)!, type: dtype, shape });
  }
  if (results.length === 0) results.push({ name: 'done', tensor: emit.scalar(1, 'float32'), type: 'float32', shape: [] });

  const after = updates.length === 0 ? [] : [`^${emit.add('NoOp', updates)}`];
  const outputs: Record<string, TfValue> = {};
  for (const { name, tensor, type, shape } of results) {
    if (outputs[name]) fail(`two outputs are called '${name}'; give each its own name`);
    outputs[name] = { tensor: `${emit.typed('Identity', type, [tensor, ...after])}:0`, type, shape: open(shape) };
  }
  return { inputs, outputs };
}

/** Sums of a product that nothing else reads and of another value of its shape: the product is computed on top of that value. */
function addedProducts(graph: Graph, emit: TfEmitter): Map<GraphNode, GraphNode> {
  const found = new Map<GraphNode, GraphNode>();
  if (emit.ops.productAdd === undefined) return found;
  const uses = new Map<string, number>();
  for (const value of [...graph.nodes.flatMap(({ inputs }) => inputs), ...roots(graph)]) uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const node of graph.nodes) {
    if (node.kernel !== 'Add' || node.inputs[0] === node.inputs[1]) continue;
    const shapes = node.inputs.map((input) => emit.info(input).shape);
    if (!equalShapes(shapes[0]!, shapes[1]!)) continue;
    const product = node.inputs.map((input) => emit.maker(input)).find((maker) => maker && isProduct(maker, emit) && uses.get(maker.outputs[0]!) === 1);
    if (product) found.set(node, product);
  }
  return found;
}

/** The signatures that set and return every variable. */
function lifecycle(variables: SavedModelOptions['variables'], handles: Record<string, string>, nodes: TfNode[], names: (wanted: string) => string): Record<string, TfSignature> {
  const init: { inputs: Record<string, TfValue>; outputs: Record<string, TfValue> } = { inputs: {}, outputs: {} };
  const read: typeof init = { inputs: {}, outputs: {} };
  const assigned: string[] = [];
  const push = (name: string, op: string, inputs: string[], attrs: TfNode['attrs']): string => {
    const node = names(name);
    nodes.push({ name: node, op, inputs, attrs });
    return node;
  };
  for (const [name, { shape, dtype: type }] of Object.entries(variables)) {
    const fed = push(`init/${name}`, 'Placeholder', [], { dtype: { type }, shape: { shape } });
    // A fed tensor may be the caller's own memory, which updates in place must not reach.
    const copy = push(`init/${name}/copy`, 'DeepCopy', [fed], { T: { type } });
    assigned.push(`^${push(`init/${name}/assign`, 'AssignVariableOp', [handles[name]!, copy], { dtype: { type } })}`);
    init.inputs[name] = { tensor: `${fed}:0`, type, shape };
    read.outputs[name] = { tensor: `${push(`read/${name}`, 'ReadVariableOp', [handles[name]!], { dtype: { type } })}:0`, type, shape };
  }
  const one = push('init/one', 'Const', [], { dtype: { type: 'float32' }, value: { tensor: { type: 'float32', dims: [], data: 1 } } });
  init.outputs.done = { tensor: `${push('init/done', 'Identity', [one, ...assigned], { T: { type: 'float32' } })}:0`, type: 'float32', shape: [] };
  return { init, read };
}
