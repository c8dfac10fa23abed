import { isExtent, type Dim } from '../graph/extent.js';
import type { GraphNode } from '../graph/graph.js';
import type { TfEmitter, TfLowering } from './emitter.js';
import type { TfAttr } from './encode.js';

/** TensorFlow lowerings of matrix products. */

/** A product in float32, or with operands and result rounded to bfloat16; returns float32. `order` puts what is no operand among the operands. */
export function product(
  op: string,
  operands: readonly string[],
  attrs: Readonly<Record<string, TfAttr>>,
  emit: TfEmitter,
  order: (operands: readonly string[]) => readonly string[] = (same) => same,
): string {
  if (!emit.bfloat16) return emit.typed(op, 'float32', order(operands), attrs);
  const rounded = operands.map((operand) => emit.cast(operand, 'float32', 'bfloat16'));
  return emit.cast(emit.typed(op, 'bfloat16', order(rounded), attrs), 'bfloat16', 'float32');
}

/** The number that all elements of a value equal, if known. */
function filling(value: string, emit: TfEmitter): number | undefined {
  const producer = emit.producer(value);
  return producer?.kernel === 'Fill' && !isExtent(producer.attrs.value) ? (producer.attrs.value as number) : undefined;
}

/** The axis and the factor of a sum that is written as a matrix product with a row or column of equal numbers. */
function sumOf(node: GraphNode, emit: TfEmitter): { operand: 0 | 1; axis: 0 | 1; factor: number } | undefined {
  const [left, right] = node.inputs as [string, string];
  if (node.inputs.some((input) => emit.info(input).shape.length !== 2) || emit.info(left).dtype !== 'float32') return undefined;
  const [rows, columns] = emit.info(node.outputs[0]!).shape as [Dim, Dim];
  const [inLeft, inRight] = [filling(left, emit), filling(right, emit)];
  if (columns === 1 && inRight !== undefined && !node.attrs.transposeA) return { operand: 0, axis: 1, factor: inRight };
  if (rows === 1 && inLeft !== undefined && !node.attrs.transposeB) return { operand: 1, axis: 0, factor: inLeft };
  return undefined;
}

const isSum = (node: GraphNode, emit: TfEmitter): boolean => sumOf(node, emit) !== undefined;

/** Writes such a product as a sum: no slower, and its operand is not rounded to bfloat16. */
function rowOrColumnSum(node: GraphNode, inputs: readonly string[], emit: TfEmitter): string | undefined {
  const sum = sumOf(node, emit);
  if (!sum) return undefined;
  const total = emit.typed('Sum', 'float32', [inputs[sum.operand]!, emit.ints([sum.axis])], {
    Tidx: { type: 'int32' },
    keep_dims: { bool: true },
  });
  return sum.factor === 1 ? total : emit.typed('Mul', 'float32', [total, emit.scalar(sum.factor, 'float32')]);
}

/** True when a registered operation computes this product: two matrices, in its precision, and not a sum written as a product. */
export const isRegisteredProduct = (node: GraphNode, emit: TfEmitter): boolean =>
  emit.ops.product !== undefined &&
  emit.bfloat16 === (emit.ops.precision !== 'float32') &&
  node.kernel === 'BatchMatMul' &&
  emit.info(node.inputs[0]!).dtype === 'float32' &&
  node.inputs.every((input) => emit.info(input).shape.length === 2) &&
  !isSum(node, emit);

/** The registered product of two matrices, plus `added` where given. */
export function registeredProduct(node: GraphNode, [a, b]: readonly string[], added: string | undefined, emit: TfEmitter): string {
  const attrs = { transpose_a: { bool: node.attrs.transposeA as boolean }, transpose_b: { bool: node.attrs.transposeB as boolean } };
  return added === undefined ? emit.add(emit.ops.product!, [a!, b!], attrs) : emit.add(emit.ops.productAdd!, [a!, b!, added], attrs);
}

const foreignAttr = (value: unknown): TfAttr => (typeof value === 'boolean' ? { bool: value } : { float: value as number });

/** A call of an operation that a library has registered. */
export const callForeign: TfLowering = ({ attrs: { op, ...attrs }, outputs }, inputs, emit) => {
  const first = emit.add(op as string, inputs, Object.fromEntries(Object.entries(attrs).map(([key, value]) => [key, foreignAttr(value)])));
  return outputs.map((_, i) => (i === 0 ? first : `${first}:${i}`));
};

export const PRODUCTS: Record<string, TfLowering> = {
  // BatchMatMulV2 also for two axes: oneDNN computes it with bfloat16 instructions, and does not for the op MatMul.
  BatchMatMul: (node, inputs, emit) => {
    const attrs = { adj_x: { bool: node.attrs.transposeA as boolean }, adj_y: { bool: node.attrs.transposeB as boolean } };
    const { dtype } = emit.info(node.inputs[0]!);
    if (dtype !== 'float32') return emit.typed('BatchMatMulV2', dtype, inputs, attrs);
    if (isRegisteredProduct(node, emit)) return registeredProduct(node, inputs, undefined, emit);
    return rowOrColumnSum(node, inputs, emit) ?? product('BatchMatMulV2', inputs, attrs, emit);
  },
  Einsum: (node, inputs, emit) => {
    const attrs = { equation: { string: node.attrs.equation as string }, N: { int: inputs.length } };
    const { dtype } = emit.info(node.inputs[0]!);
    return dtype === 'float32' ? product('Einsum', inputs, attrs, emit) : emit.typed('Einsum', dtype, inputs, attrs);
  },
};
