import { TraceError } from '../error.js';
import { isExtent, show, type Dim } from '../graph/extent.js';
import type { Dtype, Graph, Info } from '../graph/graph.js';
import { equalShapes } from '../graph/shapes.js';
import { decompose } from '../passes/decompose.js';
import { TfEmitter, type EmitterTarget } from './emitter.js';
import type { TfNode, TfSignature, TfValue } from './encode.js';
import { TENSORFLOW, lowerGraph } from './lower.js';

/** A resource variable that all signatures of a SavedModel share. */
export interface VariableSpec {
  shape: number[];
  dtype: Dtype;
}

export interface SavedModelSignature {
  graph: Graph;
  /** Writes operations that the graph does not have, such as an optimiser's update of variables. `toSavedModel` calls it after it has written the graph. */
  update?: (writer: SignatureWriter) => void;
  /** The signature returns these float32 outputs as one flat vector of this name, in this order, instead of one by one. */
  flat?: { name: string; outputs: string[] };
  bfloat16?: boolean;
}

/** The parts of a SavedModel that its signatures share while it is written. */
export interface ModelWriter extends EmitterTarget {
  variables: Readonly<Record<string, VariableSpec>>;
  /** The node that stands for each variable. */
  handles: Readonly<Record<string, string>>;
}

/** Operations whose result shares the memory of their operand. */
const ALIASES = ['Reshape', 'Identity', 'ExpandDims', 'Squeeze'];

/** A shape as TensorFlow writes it: −1 for a size known only at run time. */
const openShape = (shape: readonly Dim[]): number[] => shape.map((dim) => (isExtent(dim) ? -1 : dim));
const typeAndShape = ({ dtype, shape }: { dtype: Dtype; shape: readonly Dim[] }): string => `${dtype}[${shape.map(show).join()}]`;

interface Result extends Info {
  name: string;
  tensor: string;
}

/**
 * Writes one signature: the graph first, then updates of variables, then outputs, which wait for every update.
 * Methods take and return references to tensors, as `TfNode.inputs` has them.
 */
export class SignatureWriter {
  readonly emit: TfEmitter;
  private readonly inputs: Record<string, TfValue> = {};
  private readonly placeholders: Record<string, string> = {};
  private readonly references = new Map<string, string>();
  private readonly reads = new Map<string, string>();
  private readonly changed = new Set<string>();
  private readonly updates: string[] = [];
  private readonly results: Result[] = [];
  private readonly taken = new Set<string>();
  private readonly consumers: Map<string, TfNode[]>;

  constructor(
    readonly key: string,
    private readonly graph: Graph,
    private readonly model: ModelWriter,
  ) {
    for (const { name, dtype, shape } of graph.inputs) this.references.set(name, this.input(name, dtype, shape));
    this.emit = new TfEmitter(graph, model, key, this.placeholders);
    for (const { name, shape, dtype } of graph.variables) {
      this.checkVariable(name, 'variable', { shape, dtype });
      this.references.set(name, this.read(name));
    }
    lowerGraph(graph, this.references, this.emit);
    this.consumers = consumersOf(model.nodes);
  }

  fail(message: string): never {
    throw new TraceError(`toSavedModel: signature '${this.key}': ${message}`);
  }

  /** An input of the signature that the graph does not have. */
  input(name: string, dtype: Dtype, shape: readonly Dim[]): string {
    if (this.inputs[name] || this.model.variables[name]) this.fail(`input '${name}' has the name of another input or variable; rename it`);
    const node = this.model.names(`${this.key}/${name}`);
    this.model.nodes.push({
      name: node,
      op: 'Placeholder',
      inputs: [],
      attrs: { dtype: { type: dtype }, shape: { shape: openShape(shape) } },
    });
    this.inputs[name] = { tensor: `${node}:0`, type: dtype, shape: openShape(shape) };
    return (this.placeholders[name] = node);
  }

  /** An output of the signature that the graph does not have. */
  output(name: string, tensor: string, { dtype, shape }: Info): void {
    this.results.push({ name, tensor, dtype, shape });
  }

  /** An output of the graph, which the signature then does not return. `what` names it in messages. */
  take(output: string, what: string): Info & { tensor: string } {
    const value = this.graph.outputs.find(({ name }) => name === output)?.value;
    if (value === undefined)
      return this.fail(
        `${what} '${output}' is no output of the graph; expected one of ${this.graph.outputs.map(({ name }) => name).join(', ')}`,
      );
    this.taken.add(output);
    return { tensor: this.references.get(value)!, ...this.emit.info(value) };
  }

  /** The handle of a variable, for operations that change it. */
  handle(variable: string): string {
    return this.model.handles[variable]!;
  }

  /** Value of a variable before the signature changes it. */
  read(variable: string): string {
    const read =
      this.reads.get(variable) ??
      this.emit.add('ReadVariableOp', [this.handle(variable)], { dtype: { type: this.model.variables[variable]!.dtype } });
    this.reads.set(variable, read);
    return read;
  }

  /** Control input that makes an assignment wait for `read`, if the signature reads the variable. */
  afterRead(variable: string): string[] {
    return this.reads.has(variable) ? [`^${this.reads.get(variable)!}`] : [];
  }

  /**
   * Control inputs for an operation that overwrites a variable's memory: with them it waits for everything that reads this memory.
   * Undefined when the signature returns it.
   */
  readers(variable: string): string[] | undefined {
    const aliases = [this.read(variable)];
    const after = new Set<string>();
    // The list grows while it is walked: a reader of an alias reads the variable.
    for (const alias of aliases) {
      for (const { name, op } of this.consumers.get(alias) ?? []) {
        after.add(`^${name}`);
        if (ALIASES.includes(op)) aliases.push(name);
      }
    }
    const returned = new Set(this.graph.outputs.map(({ value }) => this.references.get(value)!));
    return aliases.some((alias) => returned.has(alias)) ? undefined : [...after];
  }

  /** Registers that the signature changes a variable, whose type and shape must be those of `like`. `what` names it in messages. */
  claim(variable: string, what: string, like?: Info & { what: string }): void {
    const spec = this.checkVariable(variable, what);
    if (like && !(equalShapes(like.shape, spec.shape) && like.dtype === spec.dtype))
      this.fail(`${like.what} is ${typeAndShape(like)}, but '${variable}' is ${typeAndShape(spec)}; expected one type and shape`);
    if (this.changed.has(variable)) this.fail(`${what} '${variable}' is changed twice; a signature changes a variable once`);
    this.changed.add(variable);
  }

  /** Assigns `value` to a variable after the control inputs `after`; returns the control input of the assignment. */
  assign(variable: string, value: string, after: readonly string[] = this.afterRead(variable)): string {
    const { dtype } = this.model.variables[variable]!;
    return `^${this.emit.add('AssignVariableOp', [this.handle(variable), value, ...after], { dtype: { type: dtype } })}`;
  }

  /** Makes the outputs wait for this control input. */
  wait(update: string): void {
    this.updates.push(update);
  }

  /** Assigns the new values that the graph has for variables. */
  writeUpdates(): void {
    for (const { variable, value } of this.graph.updates) {
      const info = this.emit.info(value);
      this.checkVariable(variable, 'updated variable', info);
      this.claim(variable, 'variable');
      this.wait(this.assign(variable, this.references.get(value)!));
    }
  }

  /** Joins several outputs into one vector. */
  writeFlat({ name, outputs }: NonNullable<SavedModelSignature['flat']>): void {
    const parts = outputs.map((output) => {
      const { tensor, dtype } = this.take(output, 'flat output');
      if (dtype !== 'float32') this.fail(`flat output '${output}' is ${dtype}; expected float32`);
      return this.emit.typed('Reshape', 'float32', [tensor, this.emit.ints([-1])], { Tshape: { type: 'int32' } });
    });
    if (parts.length === 0) this.fail(`flat output '${name}' has no parts; list outputs or leave it out`);
    const joined = { N: { int: parts.length }, Tidx: { type: 'int32' } } as const;
    const vector =
      parts.length === 1 ? parts[0]! : this.emit.typed('ConcatV2', 'float32', [...parts, this.emit.scalar(0, 'int32')], joined);
    this.results.push({ name, tensor: vector, dtype: 'float32', shape: [{ coefficient: 1, dims: [name], constant: 0 }] });
  }

  /** Makes every output wait for every update. A signature without outputs returns `done`. */
  finish(): TfSignature {
    const results = [...this.results];
    for (const { name, value } of this.graph.outputs)
      if (!this.taken.has(name)) results.push({ name, tensor: this.references.get(value)!, ...this.emit.info(value) });
    if (results.length === 0) results.push({ name: 'done', tensor: this.emit.scalar(1, 'float32'), dtype: 'float32', shape: [] });
    const after = this.updates.length === 0 ? [] : [`^${this.emit.add('NoOp', this.updates)}`];
    const outputs: Record<string, TfValue> = {};
    for (const { name, tensor, dtype, shape } of results) {
      if (outputs[name]) this.fail(`two outputs are called '${name}'; give each its own name`);
      outputs[name] = { tensor: `${this.emit.typed('Identity', dtype, [tensor, ...after])}:0`, type: dtype, shape: openShape(shape) };
    }
    return { inputs: this.inputs, outputs };
  }

  /** The variable's type and shape, which must be those of `like` if given. */
  private checkVariable(variable: string, what: string, like?: Info): VariableSpec {
    const spec = this.model.variables[variable];
    if (!spec)
      return this.fail(`${what} '${variable}' is no variable; expected one of ${Object.keys(this.model.variables).join(', ') || 'none'}`);
    if (like && !(equalShapes(like.shape, spec.shape) && like.dtype === spec.dtype))
      this.fail(`${what} '${variable}' is ${typeAndShape(like)}; expected ${typeAndShape(spec)}`);
    return spec;
  }
}

/** The nodes that read each tensor. */
function consumersOf(nodes: readonly TfNode[]): Map<string, TfNode[]> {
  const consumers = new Map<string, TfNode[]>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      const readers = consumers.get(input);
      if (readers) readers.push(node);
      else consumers.set(input, [node]);
    }
  }
  return consumers;
}

export function writeSignature(key: string, { graph, update, flat }: SavedModelSignature, model: ModelWriter): TfSignature {
  const writer = new SignatureWriter(key, decompose(graph, ({ kernel }) => !TENSORFLOW[kernel]), model); // prettier-ignore
  writer.writeUpdates();
  update?.(writer);
  if (flat) writer.writeFlat(flat);
  return writer.finish();
}
