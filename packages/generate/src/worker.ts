// The inference thread. `run()` of ONNX Runtime blocks the thread that calls it, so it gets its own.
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Feed, SessionOptions } from './session.js';

/** What the thread is started with. */
export interface Start extends SessionOptions {
  readonly graph: string;
}
export type Request = { readonly id: number; readonly feed: Feed };
export type Reply = { readonly id: number; readonly data: Float32Array } | { readonly id: number; readonly error: string } | { readonly ready: true };

const port = parentPort!;
const start = workerData as Start;
const session = await InferenceSession.create(start.graph, {
  executionProviders: ['cpu'],
  intraOpNumThreads: start.threads ?? 0,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
  // Errors come back as exceptions; ONNX Runtime's own log would go to the terminal.
  logSeverityLevel: 4,
  // With spinning, idle threads wait in a busy loop between passes: 2.5 times the processor time for one text at a time (measured).
  extra: { session: { intra_op: { allow_spinning: '0' } } },
});

async function run({ ids, attention, rows, batch, length }: Feed): Promise<Float32Array> {
  const shape = [batch, length];
  const output = await session.run({
    input_ids: new Tensor('int32', ids, shape),
    attention_mask: new Tensor('int32', attention, shape),
    rows: new Tensor('int32', rows, [rows.length]),
  });
  return output['logits']!.data as Float32Array;
}

port.on('message', ({ id, feed }: Request) => {
  run(feed).then(
    (data) => port.postMessage({ id, data } satisfies Reply, [data.buffer as ArrayBuffer]),
    (error: unknown) => port.postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies Reply),
  );
});
port.postMessage({ ready: true } satisfies Reply);
