import { TraceError } from '../error.js';
import type { Recorder, Value } from './recorder.js';

/** Key of a tensor's data in TensorFlow.js; only its identity counts. */
export type DataId = object;

/** The state of the trace in progress; there is at most one. */
export interface ActiveTrace {
  recorder: Recorder;
  /** The first failure, kept in case the traced function swallows it. */
  error?: TraceError;
  values: Map<DataId, Value>;
  references: Map<DataId, number>;
}

let active: ActiveTrace | undefined;

/** Starts a trace; the caller must end it with `endTrace`. */
export function beginTrace(recorder: Recorder): ActiveTrace {
  if (active) throw new TraceError('trace was called inside a traced function; trace one function at a time');
  active = { recorder, values: new Map(), references: new Map() };
  return active;
}

export function endTrace(): void {
  active = undefined;
}

/** The trace in progress, or undefined. */
export const activeTrace = (): ActiveTrace | undefined => active;

/** The trace in progress. @throws TraceError when there is none */
export function requireTrace(): ActiveTrace {
  if (!active) throw new TraceError('a traced tensor was used after its trace had ended; return it from the traced function instead');
  return active;
}

/** Throws a TraceError and keeps the first one of a trace. */
export function fail(message: string, { byKernel = false } = {}): never {
  const error = new TraceError(message);
  if (byKernel) error.refusedByKernel = true;
  if (active) active.error ??= error;
  throw error;
}

export function stackHere(): string | undefined {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, stackHere);
  return holder.stack;
}
