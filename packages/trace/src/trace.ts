import * as tf from '@tensorflow/tfjs';
import { TraceError } from './error.js';
import { evaluate, symbol, type Dim, type Sizes } from './graph/extent.js';
import { samples } from './graph/fit.js';
import type { Dtype, Graph } from './graph/graph.js';
import { BACKEND, backend, close, open, refuseRandom, register } from './record/backend.js';
import { createRecorder, type Recorder } from './record/recorder.js';
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
 * Run `fn` once on a backend that records instead of computing, and return what it did as a graph.
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
  if (dims.length === 0) return once(fn, options, {}).graph;
  let sizes: Sizes[];
  try {
    sizes = samples(dims, options.limits);
  } catch (error) {
    throw new TraceError((error as Error).message);
  }
  const graph = unify(
    sizes.map((size) => once(fn, options, size)),
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

function once<Name extends string>(fn: (inputs: Record<Name, tf.Tensor>) => Traced, options: TraceOptions<Name>, sizes: Sizes): Recorder {
  register();
  const engine = tf.engine();
  const state = engine.state as unknown as EngineState;
  // Reading `backend` settles which one is in use when none has been chosen yet.
  void engine.backend;
  const previous = tf.getBackend();
  const before = { ...state, scopeStack: [...state.scopeStack], registeredVariables: { ...state.registeredVariables } };
  const variables = Object.entries(options.variables ?? {});
  const dataIds = new Map(Object.values(state.registeredVariables).map((variable) => [variable, variable.dataId]));
  for (const [, variable] of variables) dataIds.set(variable, variable.dataId);
  // An unlisted variable that is assigned would free its data: hold a reference until the end.
  const owners = [...dataIds]
    .filter(([variable]) => !variables.some(([, known]) => known === variable))
    .map(([variable, dataId]) => ({ variable, dataId, owner: state.tensorInfo.get(dataId)?.backend }));
  for (const { owner, dataId } of owners) owner?.incRef(dataId);
  const random = Math.random;
  const stackLimit = Error.stackTraceLimit;

  const recorder = createRecorder();
  const session = open(recorder);
  const { graph } = recorder;
  void tf.setBackend(BACKEND);
  Error.stackTraceLimit = 60;
  Math.random = (): number => {
    const holder: { stack?: string } = {};
    Error.captureStackTrace(holder, Math.random);
    refuseRandom(holder.stack, true);
    return NaN;
  };
  try {
    engine.startScope('trace');
    const inputs = {} as Record<Name, tf.Tensor>;
    for (const [name, spec] of Object.entries<InputSpec>(options.inputs)) {
      const shape = spec.shape.map((dim) => evaluate(typeof dim === 'string' ? symbol(dim) : dim, sizes));
      const value = recorder.declare(name, shape, spec.dtype);
      graph.inputs.push({ name, shape, dtype: spec.dtype });
      inputs[name as Name] = engine.makeTensorFromTensorInfo(
        { dataId: backend.adopt(value) as tf.DataId, shape, dtype: spec.dtype },
        backend,
      );
    }
    for (const [name, variable] of variables) {
      const { shape, dtype } = variable;
      const value = recorder.declare(name, shape, dtype as Dtype);
      graph.variables.push({ name, shape: shape.slice(), dtype: dtype as Dtype });
      variable.dataId = engine.makeTensorFromTensorInfo({ dataId: backend.adopt(value) as tf.DataId, shape, dtype }, backend).dataId;
      backend.incRef(variable.dataId);
    }
    const result = fn(inputs);
    if (session.error) throw session.error;
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
    for (const [name, variable] of variables) {
      const value = backend.lookup(variable).name;
      if (value !== name) graph.updates.push({ variable: name, value });
    }
    for (const [name, variable] of Object.entries(state.registeredVariables)) {
      if (!dataIds.has(variable))
        throw new TraceError(`variable '${name}' was made inside the traced function; make it outside and list it in \`variables\``);
      if (variable.dataId !== dataIds.get(variable) && !variables.some(([, known]) => known === variable)) {
        throw new TraceError(`variable '${name}' is assigned by the traced function but is not in \`variables\`; list it there`);
      }
    }
    if (graph.outputs.length === 0 && graph.updates.length === 0)
      throw new TraceError('the traced function returned no tensor and assigned no variable; there is nothing to record');
    return recorder;
  } finally {
    Math.random = random;
    Error.stackTraceLimit = stackLimit;
    // What is left of the trace is dropped at once rather than tensor by tensor, so that a throw cannot leak.
    for (const { variable, dataId, owner } of owners) if (variable.dataId === dataId) owner?.disposeData(dataId);
    for (const [variable, dataId] of dataIds) variable.dataId = dataId;
    Object.assign(state, before);
    close();
    void tf.setBackend(previous);
  }
}
