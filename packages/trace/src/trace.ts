import { tf } from './tf.js';
import { TraceError } from './error.js';
import { evaluate, symbol, type Dim, type Sizes } from './graph/extent.js';
import { samples } from './graph/fit.js';
import type { Dtype, Graph } from './graph/graph.js';
import { beginTrace, endTrace } from './record/active.js';
import { BACKEND, backend, register } from './record/backend.js';
import { refuseRandom } from './record/random.js';
import { createRecorder, type Recorder, type Value } from './record/recorder.js';
import { unify } from './record/unify.js';

/** An input of a traced function. A string in `shape` names a symbolic dimension. */
export interface InputSpec {
  shape: readonly (number | string)[];
  dtype: Dtype;
}

export interface TraceOptions<Name extends string = string> {
  inputs: Record<Name, InputSpec>;
  /** Variables that the function reads or assigns, by the name they get in the graph. */
  variables?: Record<string, tf.Variable>;
  /** Largest size that the function accepts of a symbolic dimension, such as the rows of a position table. */
  limits?: Record<string, number>;
}

type Traced = Record<string, tf.Tensor> | tf.Tensor;

/**
 * Runs `fn` once on a backend that records instead of computing, and returns the recorded graph.
 * Gradients taken inside `fn` and values given to variables with `.assign` are recorded like everything else;
 * the variables themselves keep the values they had. Tensors made outside are baked in as constants.
 * With symbolic dimensions `fn` runs at three sizes, and each number that differs becomes an expression.
 *
 * The outputs of the graph are named as in the record that `fn` returns; a single tensor is called `output`.
 * @throws TraceError for reads of values, draws on the host, kernels without a rule, and sizes that cannot be expressed
 */
export function trace<Name extends string>(fn: (inputs: Record<Name, tf.Tensor>) => Traced, options: TraceOptions<Name>): Graph {
  const dims = [
    ...new Set(Object.values<InputSpec>(options.inputs).flatMap((input) => input.shape.filter((dim) => typeof dim === 'string'))),
  ];
  for (const name of [...Object.keys(options.inputs), ...Object.keys(options.variables ?? {})]) {
    if (name === '' || name.startsWith('_'))
      throw new TraceError(`input or variable name '${name}': expected a name that does not start with '_'; rename it`);
  }
  if (dims.length === 0) return recordOnce(fn, options, {}).graph;
  let sizes: Sizes[];
  try {
    sizes = samples(dims, options.limits);
  } catch (error) {
    throw new TraceError((error as Error).message);
  }
  const graph = unify(
    sizes.map((size) => recordOnce(fn, options, size)),
    sizes,
  );
  const symbolic = (shape: readonly (number | string)[]): Dim[] => shape.map((dim) => (typeof dim === 'string' ? symbol(dim) : dim));
  for (const input of graph.inputs) {
    input.shape = symbolic(options.inputs[input.name as Name].shape);
    graph.values[input.name]!.shape = input.shape;
  }
  return { ...graph, dims };
}

interface EngineState {
  registeredVariables: Record<string, tf.Variable>;
  tensorInfo: { get(dataId: tf.DataId): { backend: tf.KernelBackend } | undefined };
  numTensors: number;
  numBytes: number;
  numDataBuffers: number;
  gradientDepth: number;
  kernelDepth: number;
  scopeStack: unknown[];
  activeScope: unknown;
  activeTape: unknown;
}

/** Runs `fn` at these sizes on the recording backend and leaves TensorFlow.js as it was, also when `fn` throws. */
function recordOnce<Name extends string>(
  fn: (inputs: Record<Name, tf.Tensor>) => Traced,
  options: TraceOptions<Name>,
  sizes: Sizes,
): Recorder {
  register();
  const variables = Object.entries(options.variables ?? {});
  const recorder = createRecorder();
  // Outside of `try`: a trace inside a trace is refused and must not end the outer one.
  const active = beginTrace(recorder);
  const { restore, dataIds } = holdEngine(variables.map(([, variable]) => variable));
  try {
    void tf.setBackend(BACKEND);
    refuseHostRandom();
    tf.engine().startScope('trace');
    const inputs = declareInputs(options.inputs, sizes, recorder);
    for (const [name, variable] of variables) declareVariable(name, variable, recorder);
    const result = fn(inputs);
    if (active.error) throw active.error;
    recordResult(result, recorder.graph);
    recordUpdates(variables, dataIds, recorder.graph);
    if (recorder.graph.outputs.length === 0 && recorder.graph.updates.length === 0)
      throw new TraceError('the traced function returned no tensor and assigned no variable; there is nothing to record');
    return recorder;
  } finally {
    restore();
  }
}

/** Frames that a stack keeps while tracing: enough to reach the caller's line through TensorFlow.js. */
const STACK_FRAMES = 60;

/** Saves the state of TensorFlow.js and of the globals that a trace replaces. `restore` brings all of it back and ends the trace. */
function holdEngine(traced: readonly tf.Variable[]): { restore(): void; dataIds: Map<tf.Variable, tf.DataId> } {
  const engine = tf.engine();
  const state = engine.state as unknown as EngineState;
  // Reading `backend` settles which one is in use when none has been chosen yet.
  void engine.backend;
  const backendName = tf.getBackend();
  const before = { ...state, scopeStack: [...state.scopeStack], registeredVariables: { ...state.registeredVariables } };
  const dataIds = new Map([...Object.values(state.registeredVariables), ...traced].map((variable) => [variable, variable.dataId]));
  // An assignment to an unlisted variable would free its data: hold a reference until the end.
  const held = [...dataIds]
    .filter(([variable]) => !traced.includes(variable))
    .map(([variable, dataId]) => ({ variable, dataId, owner: state.tensorInfo.get(dataId)?.backend }));
  for (const { owner, dataId } of held) owner?.incRef(dataId);
  const random = Math.random;
  const stackLimit = Error.stackTraceLimit;
  return {
    dataIds,
    restore() {
      Math.random = random;
      Error.stackTraceLimit = stackLimit;
      // Restoring the state drops all tensors of the trace at once, so that a throw cannot leak any.
      for (const { variable, dataId, owner } of held) if (variable.dataId === dataId) owner?.disposeData(dataId);
      for (const [variable, dataId] of dataIds) variable.dataId = dataId;
      Object.assign(state, before);
      endTrace();
      void tf.setBackend(backendName);
    },
  };
}

function refuseHostRandom(): void {
  Error.stackTraceLimit = STACK_FRAMES;
  Math.random = (): number => {
    const holder: { stack?: string } = {};
    Error.captureStackTrace(holder, Math.random);
    refuseRandom(holder.stack, true);
    return NaN;
  };
}

/** Tensor of the recording backend that stands for `value`. */
const tensorOf = (value: Value): tf.Tensor =>
  tf.engine().makeTensorFromTensorInfo({ dataId: backend.adopt(value) as tf.DataId, shape: value.shape, dtype: value.dtype }, backend);

function declareInputs<Name extends string>(specs: Record<Name, InputSpec>, sizes: Sizes, recorder: Recorder): Record<Name, tf.Tensor> {
  const inputs = {} as Record<Name, tf.Tensor>;
  for (const [name, { shape: dims, dtype }] of Object.entries<InputSpec>(specs)) {
    const shape = dims.map((dim) => evaluate(typeof dim === 'string' ? symbol(dim) : dim, sizes));
    recorder.graph.inputs.push({ name, shape, dtype });
    inputs[name as Name] = tensorOf(recorder.declare(name, shape, dtype));
  }
  return inputs;
}

/** The variable holds a recorded value until the trace ends. */
function declareVariable(name: string, variable: tf.Variable, recorder: Recorder): void {
  const dtype = variable.dtype as Dtype;
  const value = recorder.declare(name, variable.shape, dtype);
  recorder.graph.variables.push({ name, shape: variable.shape.slice(), dtype });
  variable.dataId = tensorOf(value).dataId;
  backend.incRef(variable.dataId);
}

function recordResult(result: Traced, graph: Graph): void {
  if ((result as unknown) instanceof Promise)
    throw new TraceError('the traced function returned a promise, but tracing is synchronous; return tensors');
  const outputs = result instanceof tf.Tensor ? { output: result } : result;
  for (const [name, tensor] of Object.entries(outputs ?? {})) {
    if (!(tensor instanceof tf.Tensor))
      throw new TraceError(
        `output '${name}' of the traced function: expected a tensor, got ${typeof tensor}; return a tensor or a record of tensors`,
      );
    graph.outputs.push({ name, value: backend.lookup(tensor).name });
  }
}

/** The new values of the listed variables; an assignment to any other variable is refused. */
function recordUpdates(variables: [string, tf.Variable][], dataIds: ReadonlyMap<tf.Variable, tf.DataId>, graph: Graph): void {
  for (const [name, variable] of variables) {
    const value = backend.lookup(variable).name;
    if (value !== name) graph.updates.push({ variable: name, value });
  }
  const { registeredVariables } = tf.engine().state as unknown as EngineState;
  for (const [name, variable] of Object.entries(registeredVariables)) {
    if (!dataIds.has(variable))
      throw new TraceError(`variable '${name}' was made inside the traced function; make it outside and list it in \`variables\``);
    if (variable.dataId !== dataIds.get(variable) && !variables.some(([, listed]) => listed === variable)) {
      throw new TraceError(`variable '${name}' is assigned by the traced function but is not in \`variables\`; list it there`);
    }
  }
}
