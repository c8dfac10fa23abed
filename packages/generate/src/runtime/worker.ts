// The inference thread. `run()` of ONNX Runtime blocks the thread that calls it, so it gets its own.
import { Moved, serveWorker } from '@mdiff/workers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Feed, SessionOptions } from './session.js';

/** Argument of `open`, the first call. */
export interface OpenArgs extends SessionOptions {
  readonly graph: string;
}

let session: InferenceSession | null = null;

async function open({ graph, threads = 0 }: OpenArgs): Promise<void> {
  session = await InferenceSession.create(graph, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    // Errors come back as exceptions; ONNX Runtime's own log would go to the terminal.
    logSeverityLevel: 4,
    // With spinning, idle threads wait in a busy loop between passes: 2.5 times the processor time for one text at a time (measured).
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}

async function run({ ids, attention, rows, batch, length }: Feed): Promise<Moved<Float32Array>> {
  const shape = [batch, length];
  const output = await session!.run({
    input_ids: new Tensor('int32', ids, shape),
    attention_mask: new Tensor('int32', attention, shape),
    rows: new Tensor('int32', rows, [rows.length]),
  });
  const data = output['logits']!.data as Float32Array;
  return new Moved(data, [data.buffer as ArrayBuffer]);
}

serveWorker({ open, run });
