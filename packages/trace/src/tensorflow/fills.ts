import type { Dim } from '../graph/extent.js';
import type { Dtype } from '../graph/graph.js';
import type { TfLowering } from './emitter.js';

/** TensorFlow lowerings of kernels that make values from attributes. */

export const FILLS: Record<string, TfLowering> = {
  Fill: (node, _inputs, emit) => emit.fill(node.attrs.shape as Dim[], node.attrs.value as Dim, node.attrs.dtype as Dtype),
  Range: (node, _inputs, emit) => {
    const dtype = node.attrs.dtype as Dtype;
    return emit.add(
      'Range',
      ['start', 'stop', 'step'].map((key) => emit.scalar(node.attrs[key] as Dim, dtype)),
      { Tidx: { type: dtype } },
    );
  },
  OneHot: (node, [indices], emit) => {
    const dtype = node.attrs.dtype as Dtype;
    const [on, off] = [node.attrs.onValue, node.attrs.offValue].map((value) => emit.scalar(value as number, dtype));
    return emit.typed('OneHot', dtype, [indices!, emit.scalar(node.attrs.depth as Dim, 'int32'), on!, off!], {
      TI: { type: 'int32' },
      axis: { int: -1 },
    });
  },
};
