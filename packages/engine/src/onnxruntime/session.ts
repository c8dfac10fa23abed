import * as ort from 'onnxruntime-node';
import type { Pass } from '../passes/host.js';
import { timed } from '../passes/phases.js';

/** A pass in ONNX Runtime: on the processor unless `more` says otherwise. */
export async function openSession(model: Uint8Array, threads: number, more: ort.InferenceSession.SessionOptions = {}): Promise<Pass> {
  const settings: ort.InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    // A memory pattern is a second buffer for all activations, beside the arena that has room for them: twice the memory, no gain.
    enableMemPattern: false,
    // Threads that spin between operators slow down whatever else the machine does, and gain nothing (docs/log/2026-11-23-default-run-vocabulary.md).
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    ...more,
  };
  const created = await timed('load', () => ort.InferenceSession.create(model, settings));
  return async (feeds) => {
    // The evaluation graph takes no loss weights: only what a graph has as inputs is fed.
    const outputs = await created.run(
      Object.fromEntries(created.inputNames.map((name) => [name, new ort.Tensor(feeds[name]!.type, feeds[name]!.data, feeds[name]!.shape)])),
    );
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data as Float32Array]));
  };
}
