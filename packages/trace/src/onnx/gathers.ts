import { TraceError } from '../error.js';
import { show, type Dim } from '../graph/extent.js';
import type { Dtype, GraphNode } from '../graph/graph.js';
import { product } from '../graph/shapes.js';
import type { Emitter, Lowering } from './emitter.js';

/** ONNX lowerings of gathers and scatters. */

const named = (node: GraphNode): { outputs: string[] } => ({ outputs: node.outputs });

function elements(shape: readonly Dim[], node: GraphNode): Dim {
  const count = product(shape);
  if (count === undefined)
    throw new TraceError(
      `${node.kernel}: mdiff cannot express the number of elements of [${shape.map(show).join(', ')}]; use fewer symbolic dimensions with offsets`,
    );
  return count;
}

/** Past the end of every axis, so that the runtime refuses it. */
const BEYOND = 2 ** 31 - 1;

/** Indices of which negative ones are out of range, as in TensorFlow.js, instead of counted from the end. */
function refusingNegative(indices: string, emit: Emitter): string {
  if (!emit.checkIds) return indices;
  const negative = emit.add('Less', [indices, emit.scalar(0, 'int32')]);
  return emit.add('Where', [negative, emit.scalar(BEYOND, 'int32'), indices]);
}

interface RowSum {
  /** [count, width] */
  updates: string;
  /** [count]: the row of the result that each update is added to */
  index: string;
  /** Updates of rows that the result does not have are left out. */
  leaveOut?: boolean;
  count: Dim;
  width: Dim;
  /** Rows of the result. */
  rows: Dim;
  type: Dtype;
  /** Value [rows, width] that the updates are added to; zeros if absent. */
  onto?: string;
  /** Name of the result. */
  output?: string | undefined;
}

/**
 * The sum [rows, width] of the updates of each row.
 * ScatterElements rather than ScatterND, because ONNX Runtime's ScatterND races when rows repeat.
 */
function addRows(sum: RowSum, emit: Emitter): string {
  const { count, width, rows, type, onto, output } = sum;
  const { updates, index } = sum.leaveOut && emit.checkIds ? inRange(sum, emit) : sum;
  const zero = { name: '', type, dims: [1], data: new Uint8Array(4) };
  const base = onto ?? emit.add('ConstantOfShape', [emit.shape([rows, width])], { value: { tensor: zero } });
  const column = emit.add('Expand', [emit.reshape(index, [count], [count, 1]), emit.shape([count, width])]);
  return emit.add(
    'ScatterElements',
    [base, column, updates],
    { axis: { int: 0 }, reduction: { string: 'add' } },
    output ? { outputs: [output] } : {},
  );
}

/** Zeros for row 0 in place of the updates whose row the result does not have. */
function inRange({ updates, index, count, rows, type }: RowSum, emit: Emitter): Pick<RowSum, 'updates' | 'index'> {
  const zero = emit.scalar(0, 'int32');
  const last = emit.scalar(rows, 'int32');
  const within = emit.add('And', [emit.add('GreaterOrEqual', [index, zero]), emit.add('Less', [index, last])]);
  const column = emit.reshape(within, [count], [count, 1]);
  return { updates: emit.add('Where', [column, updates, emit.scalar(0, type)]), index: emit.add('Where', [within, index, zero]) };
}

/** True for a sum of rows [N, D] by row numbers [N], which ONNX Runtime can compute on top of the value that the sum is added to. */
export const isRowSum = ({ kernel, inputs }: GraphNode, emit: Emitter): boolean =>
  kernel === 'UnsortedSegmentSum' && emit.info(inputs[0]!).shape.length === 2 && emit.info(inputs[1]!).shape.length === 1;

/** Adds such a sum to `base` in one pass, without zeros to start from and without an addition afterwards. */
export function addRowsOnto({ inputs, attrs }: GraphNode, base: string, output: string, emit: Emitter): void {
  const [x, ids] = inputs as [string, string];
  const { shape, dtype } = emit.info(x);
  addRows(
    {
      updates: x,
      index: ids,
      count: shape[0]!,
      width: shape[1]!,
      rows: attrs.numSegments as Dim,
      type: dtype,
      onto: base,
      output,
      leaveOut: true,
    },
    emit,
  );
}

/** Indices [n, depth] in which one that does not fit its axis is so large that the runtime refuses the row that it leads to. */
function withinShape(indices: string, shape: readonly Dim[], emit: Emitter): string {
  const sizes = emit.cast(emit.shape(shape), 'int32');
  const outside = emit.add('Or', [emit.add('Less', [indices, emit.scalar(0, 'int32')]), emit.add('GreaterOrEqual', [indices, sizes])]);
  return emit.add('Where', [outside, emit.scalar(BEYOND, 'int32'), indices]);
}

export const GATHERS: Record<string, Lowering> = {
  GatherV2: (node, emit) => {
    const x = node.inputs[0]!;
    const indices = refusingNegative(node.inputs[1]!, emit);
    const axis = node.attrs.axis as number;
    const batch = node.attrs.batchDims as number;
    if (batch === 0) return void emit.add('Gather', [x, indices], { axis: { int: axis } }, named(node));
    const rank = emit.info(x).shape.length;
    const indexRank = emit.info(node.inputs[1]!).shape.length;
    const index = emit.add('Unsqueeze', [emit.cast(indices, 'int64'), emit.ints([indexRank])]);
    const attrs = { batch_dims: { int: batch } };
    if (axis === batch) return void emit.add('GatherND', [x, index], attrs, named(node));
    // [batch, outer, axis, inner] → [batch, axis, outer, inner] → [batch, index, outer, inner] → [batch, outer, index, inner]
    const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
    const front = emit.add('Transpose', [x], {
      perm: { ints: [...range(0, batch), axis, ...range(batch, axis), ...range(axis + 1, rank)] },
    });
    const gathered = emit.add('GatherND', [front, index], attrs);
    const picked = indexRank - batch;
    const outer = axis - batch;
    const total = rank - 1 + picked;
    const perm = [
      ...range(0, batch),
      ...range(batch + picked, batch + picked + outer),
      ...range(batch, batch + picked),
      ...range(batch + picked + outer, total),
    ];
    emit.add('Transpose', [gathered], { perm: { ints: perm } }, named(node));
  },
  GatherNd: (node, emit) =>
    void emit.add('GatherND', [node.inputs[0]!, emit.cast(refusingNegative(node.inputs[1]!, emit), 'int64')], {}, named(node)),
  TensorScatterUpdate: (node, emit) =>
    void emit.add(
      'ScatterND',
      [node.inputs[0]!, emit.cast(refusingNegative(node.inputs[1]!, emit), 'int64'), node.inputs[2]!],
      {},
      named(node),
    ),
  ScatterNd: (node, emit) => {
    const [indices, updates] = node.inputs as [string, string];
    const shape = node.attrs.shape as Dim[];
    const from = emit.info(indices).shape;
    const depth = from.at(-1) as number;
    const n = elements(from.slice(0, -1), node);
    const inner = elements(shape.slice(depth), node);
    const outer = shape.slice(0, depth);
    // Row number of each update: Σ index · stride.
    const strides = outer.map((_, i) => elements(outer.slice(i + 1), node));
    const given = emit.reshape(indices, from, [n, depth]);
    const flat = emit.checkIds ? withinShape(given, outer, emit) : given;
    const weighted = emit.add('Mul', [emit.cast(flat, 'int64'), emit.shape(strides)]);
    const index = emit.add('ReduceSum', [weighted, emit.ints([1])], { keepdims: { int: 0 } });
    const { shape: updateShape, dtype } = emit.info(updates);
    const flatUpdates = emit.reshape(updates, updateShape, [n, inner]);
    const rows = elements(outer, node);
    const summed = addRows({ updates: flatUpdates, index, count: n, width: inner, rows, type: dtype }, emit);
    emit.reshape(summed, [rows, inner], shape, node.outputs[0]);
  },
  UnsortedSegmentSum: (node, emit) => {
    const [x, ids] = node.inputs as [string, string];
    const { shape, dtype } = emit.info(x);
    const idShape = emit.info(ids).shape;
    const rest = shape.slice(idShape.length);
    const n = elements(idShape, node);
    const inner = elements(rest, node);
    const index = idShape.length === 1 ? ids : emit.reshape(ids, idShape, [n]);
    const updates = shape.length === 2 && idShape.length === 1 ? x : emit.reshape(x, shape, [n, inner]);
    const rows = node.attrs.numSegments as Dim;
    const flat = rest.length === 1;
    const output = flat ? node.outputs[0] : undefined;
    const summed = addRows({ updates, index, count: n, width: inner, rows, type: dtype, output, leaveOut: true }, emit);
    if (!flat) emit.reshape(summed, [rows, inner], [rows, ...rest], node.outputs[0]);
  },
};
