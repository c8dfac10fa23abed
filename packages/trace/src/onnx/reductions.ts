import type { Dim } from '../graph/extent.js';
import type { GraphNode } from '../graph/graph.js';
import type { Emitter, Lowering } from './emitter.js';

/** ONNX lowerings of reductions and of kernels that work along one axis. */

function reduce(op: string, key: string): Lowering {
  return (node, emit) =>
    void emit.add(
      op,
      [node.inputs[0]!, emit.ints(node.attrs[key] as number[])],
      { keepdims: { int: node.attrs.keepDims ? 1 : 0 } },
      { outputs: node.outputs },
    );
}

/** True where a flag is set. A sum, because the largest and the smallest of no flags are undefined. */
function anyOf(flags: string, node: GraphNode, emit: Emitter, output?: string): string {
  const count = emit.add('ReduceSum', [emit.cast(flags, 'int32'), emit.ints(node.attrs.axis as number[])], {
    keepdims: { int: node.attrs.keepDims ? 1 : 0 },
  });
  return emit.cast(count, 'bool', output);
}

function arg(op: string): Lowering {
  return (node, emit) => {
    const index = emit.add(op, node.inputs, { axis: { int: node.attrs.axis as number }, keepdims: { int: 0 } });
    emit.cast(index, 'int32', node.outputs[0]);
  };
}

export const REDUCTIONS: Record<string, Lowering> = {
  Sum: reduce('ReduceSum', 'axis'),
  Mean: reduce('ReduceMean', 'axis'),
  Prod: reduce('ReduceProd', 'axis'),
  Min: reduce('ReduceMin', 'axis'),
  Max: reduce('ReduceMax', 'reductionIndices'),
  All: (node, emit) => void emit.add('Not', [anyOf(emit.add('Not', node.inputs), node, emit)], {}, { outputs: node.outputs }),
  Any: (node, emit) => void anyOf(node.inputs[0]!, node, emit, node.outputs[0]),
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  Softmax: (node, emit) => void emit.add('Softmax', node.inputs, { axis: { int: node.attrs.dim as number } }, { outputs: node.outputs }),
  Cumsum: (node, emit) => {
    const attrs = { exclusive: { int: node.attrs.exclusive ? 1 : 0 }, reverse: { int: node.attrs.reverse ? 1 : 0 } };
    emit.add('CumSum', [node.inputs[0]!, emit.scalar(node.attrs.axis as number, 'int64')], attrs, { outputs: node.outputs });
  },
  TopK: (node, emit) => {
    const index = `${node.outputs[1]}_int64`;
    emit.add(
      'TopK',
      [node.inputs[0]!, emit.shape([node.attrs.k as Dim])],
      { axis: { int: -1 }, sorted: { int: node.attrs.sorted ? 1 : 0 } },
      { outputs: [node.outputs[0]!, index] },
    );
    emit.cast(index, 'int32', node.outputs[1]);
  },
};
