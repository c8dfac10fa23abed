import type { Dim } from '../graph/extent.js';
import type { Attr, GraphNode } from '../graph/graph.js';
import { ELEMENTWISE } from './elementwise.js';
import type { Emitter, Lowering } from './emitter.js';

/**
 * The order of axes of images. Graphs have them as TensorFlow.js does, [batch, …axes, channels]; ONNX's convolutions want [batch, channels, …axes].
 * A result of a convolution is transposed back only for a node that needs it: convolutions, pooling, elementwise kernels and reductions read and
 * write the order with the channels first.
 */

/** For each axis with channels first, the axis with channels last. */
const toFirst = (rank: number): number[] => [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
const toLast = (rank: number): number[] => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];

export const channelsFirst = <T>(list: readonly T[]): T[] => toFirst(list.length).map((axis) => list[axis]!);

export class Layouts {
  private readonly copies = new Map<string, string>();
  /** Values that exist with channels first only. */
  private readonly pending = new Set<string>();

  constructor(private readonly emit: Emitter) {}

  /** The value with channels first; axes of size one are put before those of a value of fewer than `rank`. */
  first(value: string, rank = this.emit.info(value).shape.length): string {
    const { shape, dtype } = this.emit.info(value);
    if (shape.length === 0) return value;
    const key = `${rank} ${value}`;
    const known = this.copies.get(key);
    if (known !== undefined) return known;
    const aligned: Dim[] = [...Array.from({ length: rank - shape.length }, () => 1), ...shape];
    const perm = toFirst(rank);
    // Only axes of size one are added, so the transpose of the aligned shape is a reshape for every vector of channels.
    const source = aligned.length === shape.length ? value : this.emit.reshape(value, shape, aligned);
    const name = this.emit.declare({ shape: perm.map((axis) => aligned[axis]!), dtype });
    this.emit.permute(source, aligned, perm, name);
    this.copies.set(key, name);
    return name;
  }

  /** The name for a value of the graph that a node is about to compute with channels first. */
  compute(value: string): string {
    const { shape, dtype } = this.emit.info(value);
    const name = this.emit.declare({ shape: channelsFirst(shape), dtype });
    this.copies.set(`${shape.length} ${value}`, name);
    this.pending.add(value);
    return name;
  }

  /** Makes the value exist in the order of the graph. */
  settle(value: string): void {
    if (!this.pending.delete(value)) return;
    const { shape } = this.emit.info(value);
    this.emit.permute(this.first(value), channelsFirst(shape), toLast(shape.length), value);
  }

  /** Lowers a node with channels first if it can and one of its inputs exists only so. */
  lower(node: GraphNode, lowering: Lowering): boolean {
    const rank = Math.max(...node.inputs.map((input) => this.emit.info(input).shape.length));
    if (!node.inputs.some((input) => this.pending.has(input) && this.emit.info(input).shape.length === rank)) return false;
    const change = CHANGES[node.kernel] ?? (ELEMENTWISE[node.kernel] ? {} : undefined);
    const attrs = change && changed(node, change, rank);
    if (!attrs) return false;
    const [output] = node.outputs as [string];
    const keeps = this.emit.info(output).shape.length === rank;
    const inputs = node.inputs.map((input) => this.first(input, rank));
    lowering({ ...node, inputs, outputs: [keeps ? this.compute(output) : output], attrs }, this.emit);
    return true;
  }
}

/** Which attributes of a kernel name axes, and which have an entry for each axis. */
interface Change {
  axes?: string;
  axis?: string;
  entries?: string;
}

const CHANGES: Record<string, Change> = {
  Sum: { axes: 'axis' },
  Mean: { axes: 'axis' },
  Prod: { axes: 'axis' },
  Min: { axes: 'axis' },
  Max: { axes: 'reductionIndices' },
  Concat: { axis: 'axis' },
  PadV2: { entries: 'paddings' },
};

/** The attributes for channels first; undefined where the result would have its axes in another order. */
function changed(node: GraphNode, { axes, axis, entries }: Change, rank: number): GraphNode['attrs'] | undefined {
  const places = toLast(rank);
  if (entries) return { ...node.attrs, [entries]: channelsFirst(node.attrs[entries] as Attr[]) };
  if (axis) return { ...node.attrs, [axis]: places[node.attrs[axis] as number]! };
  if (!axes) return node.attrs;
  const reduced = node.attrs[axes] as number[];
  const left = places.filter((_, i) => !reduced.includes(i));
  if (!node.attrs.keepDims && left.some((place, i) => i > 0 && place < left[i - 1]!)) return undefined;
  return { ...node.attrs, [axes]: reduced.map((place) => places[place]!).sort((a, b) => a - b) };
}
