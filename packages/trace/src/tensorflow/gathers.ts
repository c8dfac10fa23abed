import type { Dim } from '../graph/extent.js';
import type { Dtype, GraphNode } from '../graph/graph.js';
import type { TfEmitter, TfLowering } from './emitter.js';

/** TensorFlow lowerings of gathers and scatters. */

const typeOf = (node: GraphNode, emit: TfEmitter, input = 0): Dtype => emit.info(node.inputs[input]!).dtype;
const INT = { type: 'int32' } as const;

export const GATHERS: Record<string, TfLowering> = {
  GatherV2: (node, [x, indices], emit) =>
    emit.add('GatherV2', [x!, indices!, emit.scalar(node.attrs.axis as number, 'int32')], {
      Tparams: { type: typeOf(node, emit) },
      Tindices: { type: typeOf(node, emit, 1) },
      Taxis: INT,
      batch_dims: { int: node.attrs.batchDims as number },
    }),
  GatherNd: (node, inputs, emit) => emit.add('GatherNd', inputs, { Tparams: { type: typeOf(node, emit) }, Tindices: INT }),
  ScatterNd: (node, [indices, updates], emit) =>
    emit.typed('ScatterNd', typeOf(node, emit, 1), [indices!, updates!, emit.shape(node.attrs.shape as Dim[])], { Tindices: INT }),
  TensorScatterUpdate: (node, inputs, emit) => emit.typed('TensorScatterUpdate', typeOf(node, emit), inputs, { Tindices: INT }),
  UnsortedSegmentSum: (node, [x, ids], emit) =>
    emit.typed('UnsortedSegmentSum', typeOf(node, emit), [x!, ids!, emit.scalar(node.attrs.numSegments as Dim, 'int32')], {
      Tindices: INT,
      Tnumsegments: INT,
    }),
};
