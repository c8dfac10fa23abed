import * as ort from 'onnxruntime-node';
import { layout as layoutOf } from '@mdiff/model';
import { toOnnx } from '@mdiff/trace';
import type { Core, WorkerOptions } from './engine.js';
import { passGraph } from './graphs.js';
import { hostCore } from './host.js';
import type { Pass } from './host.js';

// The training graph is traced once per (rows, positions); the number of evaluated rows stays symbolic, so that the vocabulary
// projection is computed for masked positions only. Weights are fed as views of one flat buffer (onnxruntime-node does not copy inputs).

export function onnxRuntimeCore(options: WorkerOptions): Core {
  const layout = layoutOf(options.model);
  return hostCore(options, (kind, B, S, masks) => session(toOnnx(passGraph(kind, options, layout, B, S, masks), { contrib: true }), options.threads));
}

async function session(model: Uint8Array, threads: number): Promise<Pass> {
  const created = await ort.InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    // Threads that spin between operators fight with whatever else the machine does; idle ones cost nothing here (docs/log.md).
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  return async (feeds) => {
    // The evaluation graph takes no loss weights: only what a graph has as inputs is fed.
    const outputs = await created.run(
      Object.fromEntries(created.inputNames.map((name) => [name, new ort.Tensor(feeds[name]!.type, feeds[name]!.data, feeds[name]!.shape)])),
    );
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data as Float32Array]));
  };
}
