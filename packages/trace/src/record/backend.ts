import * as tf from '@tensorflow/tfjs';
import { TraceError, at } from '../error.js';
import type { Attrs, Dtype } from '../graph/graph.js';
import { record } from './kernels.js';
import type { Recorder, Value } from './recorder.js';

// Without this, tfjs-cpu prints a greeting on its first use.
tf.enableProdMode();

export const BACKEND = 'mdiff-trace';

type DataId = object;

/** Operations that draw on the host, as TensorFlow.js names them in a stack: their result would be one fixed constant of the graph. */
const RANDOM_FRAME =
  /\b(randomNormal|randomUniformInt|randomUniform|randomStandardNormal|randomGamma|truncatedNormal|multinomial|dropout|rand)_ \(/g;

/** The state of the trace in progress; there is at most one. */
export interface ActiveTrace {
  recorder: Recorder;
  /** The first failure, kept in case the traced function swallows it. */
  error?: TraceError;
  values: Map<DataId, Value>;
  references: Map<DataId, number>;
}

let session: ActiveTrace | undefined;

function fail(message: string): never {
  const error = new TraceError(message);
  if (session) session.error ??= error;
  throw error;
}

function stackHere(): string | undefined {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, stackHere);
  return holder.stack;
}

/** Refuse a draw on the host when the stack shows that one is under way. */
export function refuseRandom(stack: string | undefined, always: boolean): void {
  // The outermost: dropout calls randomUniform.
  const op = [...(stack ?? '').matchAll(RANDOM_FRAME)].at(-1)?.[1];
  if (!op && !always) return;
  fail(
    `${op ? `tf.${op}` : 'Math.random'}${at(stack)} draws random numbers on the host, which tracing would bake in as constants; draw them outside and pass them as an input`,
  );
}

/** Records instead of computing. Values exist only as names in the graph. */
class RecordingBackend extends tf.KernelBackend {
  private get active(): ActiveTrace {
    return current();
  }

  adopt(value: Value): DataId {
    const id: DataId = {};
    this.active.values.set(id, value);
    this.active.references.set(id, 1);
    return id;
  }

  lookup(tensor: tf.TensorInfo): Value {
    const known = this.active.values.get(tensor.dataId);
    if (known) return known;
    if (tensor instanceof tf.Variable) {
      fail(
        `variable '${tensor.name}'${at(stackHere())} is used by the traced function but is not in \`variables\`; list it there, or read it outside and pass a tensor`,
      );
    }
    // A tensor made outside is a constant of the graph.
    const values = tf.engine().readSync(tensor.dataId as tf.DataId) as Float32Array;
    const value = this.active.recorder.constant(values, tensor.shape, dtypeOf(tensor.dtype));
    this.active.values.set(tensor.dataId, value);
    return value;
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): DataId {
    const data = values as Float32Array;
    if (data.length > 1) refuseRandom(stackHere(), false);
    return this.adopt(this.active.recorder.constant(data, shape, dtypeOf(dtype)));
  }

  override move(id: DataId, values: tf.BackendValues, shape: number[], dtype: tf.DataType, references: number): void {
    this.active.values.set(id, this.active.recorder.constant(values as Float32Array, shape, dtypeOf(dtype)));
    this.active.references.set(id, references);
  }

  override readSync(): never {
    fail(
      `a value is read inside a trace (dataSync, arraySync or print)${at(stackHere())}, but tracing only records; keep the computation in tensors, or read the value outside and pass it in`,
    );
  }

  override read(): Promise<never> {
    try {
      fail(
        `a value is read inside a trace (data or array)${at(stackHere())}, but tracing only records; keep the computation in tensors, or read the value outside and pass it in`,
      );
    } catch {
      // A synchronous trace cannot await: a rejection would surface as unhandled. `trace` throws the error instead.
    }
    return new Promise(() => undefined);
  }

  override numDataIds(): number {
    return session?.references.size ?? 0;
  }

  override disposeData(id: DataId, force = false): boolean {
    if (!session) return true;
    const left = (session.references.get(id) ?? 0) - 1;
    if (left > 0 && !force) {
      session.references.set(id, left);
      return false;
    }
    session.references.delete(id);
    return true;
  }

  override refCount(id: DataId): number {
    return session?.references.get(id) ?? 0;
  }

  override incRef(id: DataId): void {
    this.active.references.set(id, (this.active.references.get(id) ?? 0) + 1);
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override timerAvailable(): boolean {
    return false;
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override dispose(): void {
    session = undefined;
  }
}

function dtypeOf(dtype: tf.DataType): Dtype {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  fail(`a ${dtype} tensor${at(stackHere())} cannot be traced; use float32, int32 or bool`);
}

export const backend = new RecordingBackend();

/** Start a trace on the recording backend; the caller must `close` it. */
export function open(recorder: Recorder): ActiveTrace {
  if (session) throw new TraceError('trace was called inside a traced function; trace one function at a time');
  session = { recorder, values: new Map(), references: new Map() };
  return session;
}

export function close(): void {
  session = undefined;
}

let registered = false;

/** Register the backend and a recording function for every kernel name TensorFlow.js knows. */
export function register(): void {
  if (registered) return;
  registered = true;
  tf.registerBackend(BACKEND, () => backend, 0);
  const names = Object.entries(tf as unknown as Record<string, unknown>).filter(
    ([key, value]) => typeof value === 'string' && key === value,
  );
  for (const kernelName of new Set([...names.map(([name]) => name), '_FusedMatMul'])) {
    tf.registerKernel({ kernelName, backendName: BACKEND, kernelFunc: ({ inputs, attrs }) => run(kernelName, inputs, attrs ?? {}) });
  }
  tf.registerKernel({ kernelName: 'Foreign', backendName: BACKEND, kernelFunc: ({ inputs, attrs }) => recordForeign(inputs, attrs as unknown as ForeignCall) });
}

interface ForeignCall {
  op: string;
  outputs: number[][];
  attrs: Attrs;
}

function recordForeign(inputs: tf.NamedTensorInfoMap, { op, outputs, attrs }: ForeignCall): tf.TensorInfo[] {
  const values = Object.values(inputs).map((tensor) => backend.lookup(tensor!));
  const made = current().recorder.emitAll('Foreign', values, { op, ...attrs }, outputs.map((shape) => ({ shape, dtype: 'float32' as const })));
  return made.map((value) => ({ dataId: backend.adopt(value) as tf.DataId, shape: value.shape, dtype: value.dtype }));
}

function run(kernelName: string, inputs: tf.NamedTensorInfoMap, attrs: object): tf.TensorInfo[] | tf.TensorInfo {
  if (kernelName === 'Multinomial') refuseRandom(stackHere(), true);
  const named: Record<string, Value> = {};
  for (const [key, tensor] of Object.entries(inputs)) if (tensor) named[key] = backend.lookup(tensor);
  let values: Value[] | undefined;
  try {
    values = record(current().recorder, kernelName, named, attrs as Record<string, unknown>);
  } catch (error) {
    if (error instanceof TraceError) fail(`${error.message}${at(stackHere())}`);
    throw error;
  }
  if (!values)
    fail(
      `kernel ${kernelName}${at(stackHere())} has no rule for tracing; write it with other operations (a custom gradient may help), or compute it outside and pass the result in`,
    );
  const outputs = values.map((value) => ({ dataId: backend.adopt(value) as tf.DataId, shape: value.shape, dtype: value.dtype }));
  return ['SplitV', 'TopK', 'Unpack'].includes(kernelName) ? outputs : outputs[0]!;
}

function current(): ActiveTrace {
  if (!session) throw new TraceError('a traced tensor was used after its trace had ended; return it from the traced function instead');
  return session;
}
