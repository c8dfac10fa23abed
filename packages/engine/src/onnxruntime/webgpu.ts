import type * as ort from 'onnxruntime-node';
import { layout as layoutOf } from '@mdiff/model';
import { resultsInOrder, toOnnx } from '@mdiff/trace';
import type { Graph } from '@mdiff/trace';
import type { Core, WorkerOptions } from '../engine.js';
import { passGraph } from '../passes/graphs.js';
import { hostCore } from '../passes/host.js';
import type { Pass } from '../passes/host.js';
import { timed } from '../passes/phases.js';
import { openSession } from './session.js';

// ONNX Runtime's WebGPU provider (Vulkan, Metal or Direct3D 12) computes the passes. Weights go to the device with every pass and gradients
// come back, because AdamW is the host's: 8 bytes over the bus for each parameter and pass. Of the 420 nodes of a step 14 stay on the processor:
// sizes, indices, and the sums of `summed`.

export function webgpuCore(options: WorkerOptions): Core {
  const layout = layoutOf(options.model);
  return hostCore(options, (kind, B, S, masks) => {
    const graph = passGraph(kind, options, layout, B, S, masks);
    // Without ONNX Runtime's own operators: its transposing product has no WebGPU kernel, and every one would go to the processor and back.
    return session(timed('lower', () => toOnnx(resultsInOrder(graph))), options.threads, summed(graph));
  });
}

/** Sums of rows that share an index: on the device they are atomic additions, in another order each time, and a run would not repeat to the bit. */
const summed = ({ nodes }: Graph): string[] => nodes.filter(({ kernel }) => kernel === 'UnsortedSegmentSum').map(({ outputs }) => `ScatterElements/${outputs[0]}`);

interface WebGpuProvider {
  name: 'webgpu';
  /** missing from onnxruntime-common's types; may not be empty */
  forceCpuNodeNames?: readonly string[];
}

function session(model: Uint8Array, threads: number, onProcessor: readonly string[]): Promise<Pass> {
  const provider: WebGpuProvider = { name: 'webgpu', ...(onProcessor.length > 0 && { forceCpuNodeNames: onProcessor }) };
  return openSession(model, threads, { executionProviders: [provider as ort.InferenceSession.ExecutionProviderConfig], enableMemPattern: true });
}
