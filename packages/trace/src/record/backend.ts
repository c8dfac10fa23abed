import { tf } from '../tf.js';
import { TraceError, atLine, oneLine } from '../error.js';
import type { Attrs, Dtype } from '../graph/graph.js';
import { activeTrace, endTrace, fail, requireTrace, stackHere, type ActiveTrace, type DataId } from './active.js';
import { KERNEL_INPUTS, recordCall } from './kernels.js';
import { refuseRandom } from './random.js';
import type { Value } from './recorder.js';

// Without this, tfjs-cpu prints a greeting on its first use.
tf.enableProdMode();

export const BACKEND = 'mdiff-trace';

/** Records instead of computing. Values exist only as names in the graph. */
class RecordingBackend extends tf.KernelBackend {
  private get active(): ActiveTrace {
    return requireTrace();
  }

  adopt(value: Value): DataId {
    const id: DataId = {};
    this.active.values.set(id, value);
    this.active.references.set(id, 1);
    return id;
  }

  lookup(tensor: tf.TensorInfo): Value {
    const recorded = this.active.values.get(tensor.dataId);
    if (recorded) return recorded;
    if (tensor instanceof tf.Variable) {
      fail(
        `variable '${tensor.name}'${atLine(stackHere())} is used by the traced function but is not in \`variables\`; list it there, or read it outside and pass a tensor`,
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
    return this.adopt(this.active.recorder.constant(data, shape, dtypeOf(dtype)));
  }

  override move(id: DataId, values: tf.BackendValues, shape: number[], dtype: tf.DataType, references: number): void {
    this.active.values.set(id, this.active.recorder.constant(values as Float32Array, shape, dtypeOf(dtype)));
    this.active.references.set(id, references);
  }

  override readSync(): never {
    requireTrace();
    refuseRead('dataSync, arraySync or print');
  }

  override read(): Promise<never> {
    // Rejects with the error of `requireTrace`.
    if (!activeTrace()) return Promise.resolve().then(() => this.readSync());
    try {
      refuseRead('data or array');
    } catch {
      // A synchronous trace cannot await: a rejection would surface as unhandled. `trace` throws the error instead.
    }
    return new Promise(() => undefined);
  }

  override numDataIds(): number {
    return activeTrace()?.references.size ?? 0;
  }

  override disposeData(id: DataId, force = false): boolean {
    const references = activeTrace()?.references;
    if (!references) return true;
    const left = (references.get(id) ?? 0) - 1;
    if (left > 0 && !force) {
      references.set(id, left);
      return false;
    }
    references.delete(id);
    return true;
  }

  override refCount(id: DataId): number {
    return activeTrace()?.references.get(id) ?? 0;
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
    endTrace();
  }
}

function refuseRead(calls: string): never {
  fail(
    `the traced function reads a value (${calls})${atLine(stackHere())}, but tracing only records; keep the computation in tensors, or read the value outside and pass it in`,
  );
}

function dtypeOf(dtype: tf.DataType): Dtype {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  fail(`a ${dtype} tensor${atLine(stackHere())} cannot be traced; use float32, int32 or bool`);
}

export const backend = new RecordingBackend();

let registered = false;

/** Registers the backend and a recording function for every kernel name that TensorFlow.js has. */
export function register(): void {
  if (registered) return;
  registered = true;
  tf.registerBackend(BACKEND, () => backend, 0);
  const names = Object.entries(tf as unknown as Record<string, unknown>).filter(
    ([key, value]) => typeof value === 'string' && key === value,
  );
  for (const kernelName of new Set([...names.map(([name]) => name), '_FusedMatMul'])) {
    tf.registerKernel({
      kernelName,
      backendName: BACKEND,
      kernelFunc: ({ inputs, attrs }) => recordBuiltIn(kernelName, inputs, attrs ?? {}),
    });
  }
  tf.registerKernel({
    kernelName: 'Foreign',
    backendName: BACKEND,
    kernelFunc: ({ inputs, attrs }) => recordForeign(inputs, attrs as unknown as ForeignCall),
  });
}

interface ForeignCall {
  op: string;
  outputs: number[][];
  attrs: Attrs;
}

function recordForeign(inputs: tf.NamedTensorInfoMap, { op, outputs, attrs }: ForeignCall): tf.TensorInfo[] {
  const values = Object.values(inputs).map((tensor) => backend.lookup(tensor!));
  const results = requireTrace().recorder.emitAll(
    'Foreign',
    values,
    { op, ...attrs },
    outputs.map((shape) => ({ shape, dtype: 'float32' as const })),
  );
  return results.map((value) => ({ dataId: backend.adopt(value) as tf.DataId, shape: value.shape, dtype: value.dtype }));
}

function recordBuiltIn(kernelName: string, inputs: tf.NamedTensorInfoMap, attrs: object): tf.TensorInfo[] | tf.TensorInfo {
  if (kernelName === 'Multinomial') refuseRandom(stackHere(), 'tf.multinomial');
  // Some of these have lists of lists as inputs.
  if (!KERNEL_INPUTS.has(kernelName)) refuseKernel(kernelName);
  const named: Record<string, Value> = {};
  for (const [key, tensor] of Object.entries(inputs)) if (tensor) named[key] = backend.lookup(tensor);
  let values: Value[];
  try {
    values = recordCall(requireTrace().recorder, kernelName, named, attrs as Record<string, unknown>);
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof TraceError) fail(message.replace(/ cannot be traced|$/, (end) => atLine(stackHere()) + end));
    fail(`${kernelName}${atLine(stackHere())}: ${oneLine(error as Error)}`, { byKernel: true });
  }
  const outputs = values.map((value) => ({ dataId: backend.adopt(value) as tf.DataId, shape: value.shape, dtype: value.dtype }));
  return ['SplitV', 'TopK', 'Unpack'].includes(kernelName) ? outputs : outputs[0]!;
}

function refuseKernel(name: string): never {
  fail(
    `kernel ${name}${atLine(stackHere())} has no rule for tracing; write it with other operations (a custom gradient may help), or compute it outside and pass the result in`,
  );
}
