import type * as ort from 'onnxruntime-node';
import { layout as layoutOf } from '@mdiff/model';
import { resultsInOrder, toOnnx } from '@mdiff/trace';
import type { Graph } from '@mdiff/trace';
import type { Core, WorkerOptions } from '../engine.js';
import { passGraph } from '../passes/graphs.js';
import { hostCore } from '../passes/host.js';
import type { Pass } from '../passes/host.js';
import { timed } from '../passes/phases.js';
import { openOrtSession } from './session.js';

// ONNX Runtime's WebGPU provider (Vulkan, Metal or Direct3D 12) computes the passes. AdamW runs on the processor, so every pass sends the
// weights to the device and fetches the gradients: 8 bytes over the bus for each parameter. Of the 420 nodes of a step 14 stay on the
// processor: sizes, indices, and the sums that `segmentSums` names.

export function webgpuCore(options: WorkerOptions): Core {
  const layout = layoutOf(options.model);
  return hostCore(options, (shape) => {
    const graph = passGraph(shape, options, layout);
    // No `contrib`: ONNX Runtime's transposing product has no WebGPU kernel, and each one would go to the processor and back.
    return openOnDevice(
      timed('lower', () => toOnnx(resultsInOrder(graph), { checkIds: false })),
      options.threads,
      segmentSums(graph),
    );
  });
}

/** Sums over equal indices. The device adds atomically, in an order that varies, so a run would not repeat to the bit. */
const segmentSums = ({ nodes }: Graph): string[] =>
  nodes.filter(({ kernel }) => kernel === 'UnsortedSegmentSum').map(({ outputs }) => `ScatterElements/${outputs[0]}`);

interface WebGpuProvider {
  name: 'webgpu';
  /** not in onnxruntime-common's types; an empty list is an error */
  forceCpuNodeNames?: readonly string[];
}

function openOnDevice(model: Uint8Array, threads: number, onProcessor: readonly string[]): Promise<Pass> {
  const provider: WebGpuProvider = { name: 'webgpu', ...(onProcessor.length > 0 && { forceCpuNodeNames: onProcessor }) };
  return openOrtSession(model, threads, {
    executionProviders: [provider as ort.InferenceSession.ExecutionProviderConfig],
    enableMemPattern: true,
  });
}
