import './counts.js';
import './elementwise.js';
import './fills.js';
import './gathers.js';
import './images.js';
import './movement.js';
import './normalise.js';
import './products.js';
import type { Recorder, Value } from './recorder.js';
import './reductions.js';
import { kernels } from './rules.js';
import './windows.js';

/** Names of the inputs of each kernel that a graph can contain, in the order of `GraphNode.inputs`. */
export const KERNEL_INPUTS: ReadonlyMap<string, readonly string[] | 'list'> = new Map([...kernels].map(([name, { keys }]) => [name, keys]));

/** Kernels that recording replaces by others, so that no graph has them. */
export const REWRITTEN: readonly string[] = [
  ...['FlipLeftRight', 'FusedBatchNorm', 'FusedConv2D', 'FusedDepthwiseConv2D', 'LRN', 'LRNGrad'],
  ...['ResizeBilinear', 'ResizeBilinearGrad', 'ResizeNearestNeighbor', 'ResizeNearestNeighborGrad', 'CropAndResize'],
  ...['DepthToSpace', 'SpaceToBatchND', 'BatchToSpaceND', 'Bincount', 'DenseBincount', 'SearchSorted', 'Diag', 'Cumprod', 'Atan2'],
  'BroadcastTo',
  'ExpandDims',
  'Identity',
  'LinSpace',
  'OnesLike',
  'Pack',
  'Unpack',
  'ZerosLike',
  '_FusedMatMul',
];

/** Records a call of a kernel in `KERNEL_INPUTS` with its inputs by name. */
export function recordCall(recorder: Recorder, name: string, inputs: Record<string, Value>, attrs: Record<string, unknown>): Value[] {
  const kernel = kernels.get(name)!;
  const ordered = kernel.keys === 'list' ? Object.values(inputs) : kernel.keys.map((key) => inputs[key]!);
  return kernel.record(recorder, ordered, attrs);
}
