import * as ort from 'onnxruntime-node';
import type { Feeds } from '../passes/feeds.js';
import type { Pass } from '../passes/host.js';
import { timed } from '../passes/phases.js';

/** A pass in a session of ONNX Runtime; on the processor, unless `more` names another provider. */
export async function openOrtSession(model: Uint8Array, threads: number, more: ort.InferenceSession.SessionOptions = {}): Promise<Pass> {
  const settings: ort.InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    // A memory pattern is a second buffer for all activations beside the arena, which has room for them: twice the memory and no gain.
    enableMemPattern: false,
    // Threads that spin between operators gain nothing and slow down everything else on the machine (docs/log/2026-11-23-default-run-vocabulary.md).
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    ...more,
  };
  const session = await timed('load', () => ort.InferenceSession.create(model, settings));
  const run = async (feeds: Feeds): Promise<Record<string, Float32Array>> => {
    // A session refuses feeds that its graph does not have: the evaluation graph, for one, has no loss weights.
    const outputs = await session.run(
      Object.fromEntries(
        session.inputNames.map((name) => [name, new ort.Tensor(feeds[name]!.type, feeds[name]!.data, feeds[name]!.shape)]),
      ),
    );
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data as Float32Array]));
  };
  return Object.assign(run, { release: () => session.release() });
}
