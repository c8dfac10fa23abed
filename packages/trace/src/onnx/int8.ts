// Weights in 8 bits. Products with them are products of whole numbers: what they multiply is rounded to 8 bits at each run.
import { TraceError } from '../error.js';
import type { Graph, GraphNode } from '../graph/graph.js';
import type { Emitter } from './emitter.js';
import type { OnnxTensor } from './encode.js';

/**
 * The largest weight in 8 bits. A processor without VNNI adds two products of 8 bits in 16: 2 · 255 · 64 just fits, so no sum saturates, and all
 * processors have the same sums.
 */
const LARGEST = 64;

/** A matrix [rows, columns] as whole numbers times a scale for each row (axis 0) or column (axis 1). */
export function toInt8(
  values: Float32Array,
  [rows, columns]: readonly [number, number],
  axis: 0 | 1,
): { whole: Int8Array; scales: Float32Array } {
  const scales = new Float32Array(axis === 0 ? rows : columns);
  const place = (i: number): number => (axis === 0 ? Math.floor(i / columns) : i % columns);
  values.forEach((value, i) => (scales[place(i)] = Math.max(scales[place(i)]!, Math.abs(value))));
  // A row of zeros keeps them with any scale.
  scales.forEach((largest, i) => (scales[i] = largest === 0 ? 1 : largest / LARGEST));
  return { whole: Int8Array.from(values, (value, i) => Math.round(value / scales[place(i)]!)), scales };
}

interface Stored {
  whole: string;
  scales: string;
  axis: 0 | 1;
}

/** Scales go along the axis that a product keeps: rows of an embedding and of a transposed matrix, else columns. */
function axisOf(name: string, { kernel, inputs, attrs }: GraphNode): 0 | 1 {
  if (kernel === 'BatchMatMul' && inputs[1] === name && inputs[0] !== name && attrs.transposeA !== true) return attrs.transposeB ? 0 : 1;
  if (kernel === 'GatherV2' && inputs[0] === name && attrs.axis === 0 && attrs.batchDims === 0) return 0;
  throw new TraceError(`toOnnx: '${name}' cannot be stored in 8 bits, because ${kernel} reads it; leave it out of int8`);
}

/** Lowers the operations that read weights in 8 bits. */
export class Int8Weights {
  private readonly stored = new Map<string, Stored>();
  private readonly rounded = new Map<string, readonly [string, string, string]>();

  constructor(
    private readonly graph: Graph,
    private readonly emit: Emitter,
  ) {}

  /** @throws TraceError for a weight that is no matrix, or that something else than a product or a lookup of rows reads */
  store(name: string, values: Float32Array): OnnxTensor[] {
    const { shape } = this.graph.values[name]!;
    const [rows, columns] = shape as [number, number];
    if (shape.length !== 2) throw new TraceError(`toOnnx: '${name}' has ${shape.length} dimensions; only a matrix can be stored in 8 bits`);
    const axes = new Set(this.graph.nodes.filter(({ inputs }) => inputs.includes(name)).map((node) => axisOf(name, node)));
    if (axes.size > 1) throw new TraceError(`toOnnx: '${name}' is read by rows and by columns, so it cannot be stored in 8 bits`);
    const axis = [...axes][0] ?? 1;
    const { whole, scales } = toInt8(values, [rows, columns], axis);
    const names = { whole: `${name}.int8`, scales: `${name}.scales`, axis };
    this.stored.set(name, names);
    return [
      { name: names.whole, type: 'int8', dims: [rows, columns], data: new Uint8Array(whole.buffer) },
      { name: names.scales, type: 'float32', dims: [scales.length], data: new Uint8Array(scales.buffer) },
    ];
  }

  /** Writes the nodes of an operation that reads such a weight; false for any other. */
  lower({ kernel, inputs, outputs }: GraphNode): boolean {
    const [x, index] = inputs as [string, string];
    const table = kernel === 'GatherV2' ? this.stored.get(x) : undefined;
    const matrix = kernel === 'BatchMatMul' ? this.stored.get(index) : undefined;
    if (table) this.rows(table, index, outputs);
    if (matrix) this.product(x, matrix, outputs);
    return table !== undefined || matrix !== undefined;
  }

  private rows({ whole, scales }: Stored, index: string, outputs: string[]): void {
    const row = this.emit.cast(this.emit.add('Gather', [whole, index], { axis: { int: 0 } }), 'float32');
    const scale = this.emit.add('Unsqueeze', [this.emit.add('Gather', [scales, index], { axis: { int: 0 } }), this.emit.ints([-1])]);
    this.emit.add('Mul', [row, scale], {}, { outputs });
  }

  private product(x: string, { whole, scales, axis }: Stored, outputs: string[]): void {
    const [rounded, step, zero] = this.round(x);
    // A constant, which a runtime turns when it loads the model.
    const matrix = axis === 0 ? this.emit.add('Transpose', [whole], { perm: { ints: [1, 0] } }) : whole;
    const sums = this.emit.cast(this.emit.add('MatMulInteger', [rounded, matrix, zero]), 'float32');
    this.emit.add('Mul', [sums, this.emit.add('Mul', [step, scales])], {}, { outputs });
  }

  /** One rounding for all products of a value. */
  private round(x: string): readonly [string, string, string] {
    let names = this.rounded.get(x);
    if (!names) {
      names = [`${x}.rounded`, `${x}.step`, `${x}.zero`];
      this.emit.add('DynamicQuantizeLinear', [x], {}, { outputs: [...names] });
      this.rounded.set(x, names);
    }
    return names;
  }
}
