import type { Emitter, Lowering } from './emitter.js';

/** ONNX lowerings of matrix products. */

function swapped(x: string, emit: Emitter, rank: number): string {
  const perm = Array.from({ length: rank }, (_, i) => i);
  [perm[rank - 1], perm[rank - 2]] = [rank - 2, rank - 1];
  return emit.add('Transpose', [x], { perm: { ints: perm } });
}

export const PRODUCTS: Record<string, Lowering> = {
  BatchMatMul: (node, emit) => {
    const [a, b] = node.inputs as [string, string];
    const transposeA = node.attrs.transposeA as boolean;
    const transposeB = node.attrs.transposeB as boolean;
    const options = { outputs: node.outputs };
    const ranks = [emit.info(a).shape.length, emit.info(b).shape.length] as const;
    const float = emit.info(a).dtype === 'float32';
    if (!transposeA && !transposeB) emit.add('MatMul', [a, b], {}, options);
    else if (float && emit.contrib) {
      emit.add(
        'FusedMatMul',
        [a, b],
        { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) } },
        { ...options, domain: 'com.microsoft' },
      );
    } else if (float && ranks[0] === 2 && ranks[1] === 2)
      emit.add('Gemm', [a, b], { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) } }, options);
    else emit.add('MatMul', [transposeA ? swapped(a, emit, ranks[0]) : a, transposeB ? swapped(b, emit, ranks[1]) : b], {}, options);
  },
  Einsum: (node, emit) =>
    void emit.add('Einsum', node.inputs, { equation: { string: node.attrs.equation as string } }, { outputs: node.outputs }),
};
