import { mustBe, mustKnow } from '@mdiff/arguments';
import { tf } from './tf.js';
import { TraceError, oneLine } from './error.js';
import { evaluate, symbol, type Dim, type Sizes } from './graph/extent.js';
import { samples, type SizeRange } from './graph/fit.js';
import type { Dtype, Graph } from './graph/graph.js';
import { beginTrace, endTrace } from './record/active.js';
import { BACKEND, backend, register } from './record/backend.js';
import { holdGradients } from './record/gradients.js';
import { guardRandom } from './record/random.js';
import { createRecorder, type Recorder, type Value } from './record/recorder.js';
import { checkInputs, checkName, rangesOf, variablesOf, type InputSpec, type TracedVariable } from './record/specs.js';
import { checkSame, describeSizes, unify } from './record/unify.js';
import { checkRepeated, checkSmallest } from './record/verify.js';

export interface TraceOptions<Name extends string = string> {
  inputs: Record<Name, InputSpec>;
  /** Variables that the function reads or assigns, or weights of layers, by the name they get in the graph. */
  variables?: Record<string, TracedVariable>;
  /** Largest size that the function accepts of a symbolic dimension, such as the rows of a position table: short for `sizes`. */
  limits?: Record<string, number>;
  /** The sizes that a symbolic dimension may have. */
  sizes?: Record<string, SizeRange>;
  /**
   * Run the function once more to compare it with its graph (default): at the smallest sizes, or a second time if no size is open.
   * Leave it out only for a function whose graph other tests compare with TensorFlow.js; messages then name no line of it.
   */
  verify?: boolean;
}

const OPTIONS: Record<keyof TraceOptions, true> = { inputs: true, variables: true, limits: true, sizes: true, verify: true };

type Traced = Record<string, tf.Tensor> | tf.Tensor;

/** A function to trace, with its inputs and variables. */
interface Call {
  fn: (inputs: Record<string, tf.Tensor>) => Traced;
  inputs: Readonly<Record<string, InputSpec>>;
  variables: [string, tf.Variable][];
  /** messages name the line of a node */
  located: boolean;
}

/**
 * Runs `fn` on a backend that records instead of computing, and returns the recorded graph.
 * Gradients taken inside `fn` and values given to variables with `.assign` are recorded like everything else;
 * the variables themselves keep the values they had. Tensors made outside are baked in as constants.
 * With symbolic dimensions `fn` runs at three sizes, two small ones and a large one, and each number that differs becomes an expression.
 *
 * The outputs of the graph are named as in the record that `fn` returns; a single tensor is called `output`.
 * @throws TraceError for reads of values, draws on the host, kernels without a rule, results that differ from run to run, and sizes that
 * cannot be expressed
 */
export function trace<Name extends string>(fn: (inputs: Record<Name, tf.Tensor>) => Traced, options: TraceOptions<Name>): Graph {
  mustBe('trace', 'fn', fn, 'function');
  mustBe('trace', 'options', options, 'object');
  mustKnow('trace', options, OPTIONS);
  const { inputs, variables = {}, limits = {}, sizes: ranges = {}, verify = true } = options;
  const dims = checkInputs(inputs, variables);
  const call: Call = { fn: fn as Call['fn'], inputs, variables: variablesOf(variables), located: verify };
  if (dims.length === 0) {
    rangesOf(dims, limits, ranges);
    const recorder = recordOnce(call, {});
    if (verify) checkRepeated(recorder, recordOnce(call, {}));
    return recorder.graph;
  }
  const open = rangesOf(dims, limits, ranges);
  let sizes: Sizes[];
  try {
    sizes = samples(dims, open);
  } catch (error) {
    throw new TraceError((error as Error).message);
  }
  // Compared as soon as there are two, because a loop over a symbolic size would run long at the large one.
  const traces: Recorder[] = [];
  for (const size of sizes) {
    traces.push(recordAt(call, size, sizes));
    checkSame(traces[0]!, traces.at(-1)!, [sizes[0]!, size]);
  }
  const graph = unify(traces, sizes, open);
  const symbolic = (shape: readonly (number | string)[]): Dim[] => shape.map((dim) => (typeof dim === 'string' ? symbol(dim) : dim));
  for (const input of graph.inputs) {
    input.shape = symbolic(options.inputs[input.name as Name].shape);
    graph.values[input.name]!.shape = input.shape;
  }
  const traced = { ...graph, dims };
  if (verify) checkSmallest(traced, traces[0]!, open, (least) => recordOnce(call, least));
  return traced;
}

/** `recordOnce` for one of several sizes; an error of the function itself says at which sizes mdiff runs it. */
function recordAt(call: Call, size: Sizes, sizes: readonly Sizes[]): Recorder {
  try {
    return recordOnce(call, size);
  } catch (error) {
    if (error instanceof TraceError && !error.refusedByKernel) throw error;
    const failed = new TraceError(
      `the traced function fails at ${describeSizes([size])}: ${oneLine(error as Error)}; mdiff runs it at ${describeSizes(sizes)}. If it accepts other sizes only, give their min, max or multiple in \`sizes\``,
    );
    failed.cause = error;
    throw failed;
  }
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
function recordOnce({ fn, inputs: specs, variables, located }: Call, sizes: Sizes): Recorder {
  register();
  const recorder = createRecorder(located);
  // Outside of `try`: a trace inside a trace is refused and must not end the outer one.
  const active = beginTrace(recorder);
  const { restore, dataIds } = holdEngine(variables.map(([, variable]) => variable));
  try {
    void tf.setBackend(BACKEND);
    tf.engine().startScope('trace');
    const inputs = declareInputs(specs, sizes, recorder);
    for (const [name, variable] of variables) declareVariable(name, variable, recorder);
    const result = fn(inputs);
    settle(result);
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
  const restoreRandom = guardRandom();
  const restoreGradients = holdGradients();
  const stackLimit = Error.stackTraceLimit;
  Error.stackTraceLimit = STACK_FRAMES;
  return {
    dataIds,
    restore() {
      restoreRandom();
      restoreGradients();
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

/** A promise of a refused function may reject after the trace; nobody waits for it. */
function settle(result: unknown): void {
  if (result instanceof Promise) result.catch(() => undefined);
}

/** Tensor of the recording backend that stands for `value`. */
const tensorOf = (value: Value): tf.Tensor =>
  tf.engine().makeTensorFromTensorInfo({ dataId: backend.adopt(value) as tf.DataId, shape: value.shape, dtype: value.dtype }, backend);

function declareInputs(specs: Call['inputs'], sizes: Sizes, recorder: Recorder): Record<string, tf.Tensor> {
  const inputs: Record<string, tf.Tensor> = {};
  for (const [name, { shape: dims, dtype }] of Object.entries(specs)) {
    const shape = dims.map((dim) => evaluate(typeof dim === 'string' ? symbol(dim) : dim, sizes));
    recorder.graph.inputs.push({ name, shape, dtype });
    inputs[name] = tensorOf(recorder.declare(name, shape, dtype));
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
    checkName('output name', name);
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
      throw new TraceError(
        `variable '${name}' was made inside the traced function; make it outside and list it in \`variables\`. An optimizer makes its moments in its first step: let it make one before, or compile a model with its optimizer`,
      );
    if (variable.dataId !== dataIds.get(variable) && !variables.some(([, listed]) => listed === variable)) {
      throw new TraceError(`variable '${name}' is assigned by the traced function but is not in \`variables\`; list it there`);
    }
  }
}
