import type { Attr, Dim, Graph, GraphNode, Info } from '@mdiff/trace';
import type { StepBatch } from './engine.js';

// One thread per part of a batch instead of several per operation: threads that share an operation wait for each other at the end of
// each, hundreds of times a step, and for whoever else has their core; parts meet once, where their gradients are added (docs/log/2026-11-28-batch-in-parts.md).

/** More threads than this work together on every operation: each part costs a gradient, and only two were measured. */
const MOST = 4;

/** Parts of a batch that are computed side by side on so many threads. */
export const partsFor = (threads: number): number => (threads <= MOST ? threads : 1);

export interface Part {
  batch: StepBatch;
  /** its rows are [from, to) of the whole batch; the filler of a batch with too few rows repeats the last of them */
  from: number;
  to: number;
  /** where its evaluated rows stand among those of the whole */
  order: Int32Array;
}

/** Token and segment of a position that nothing attends to. */
const PAD = 1;

/** Cuts a batch into parts of whole rows. A batch of fewer rows than parts gets parts of padding, which evaluate nothing. */
export function splitBatch(batch: StepBatch, parts: number): Part[] {
  const { B, S } = batch;
  return Array.from({ length: parts }, (_, part): Part => {
    const [from, to] = [Math.floor((part * B) / parts), Math.floor(((part + 1) * B) / parts)];
    if (to === from) return { batch: { ...batch, B: 1, ...padding(S), rows: new Int32Array(0), targets: new Int32Array(0), weights: new Float32Array(0) }, from: B - 1, to: B, order: new Int32Array(0) };
    const order = Int32Array.from(batch.rows.keys()).filter((i) => batch.rows[i]! >= from * S && batch.rows[i]! < to * S);
    const cut = (array: Int32Array): Int32Array => array.subarray(from * S, to * S);
    return {
      batch: {
        ...batch,
        B: to - from,
        ids: cut(batch.ids),
        segments: cut(batch.segments),
        positions: cut(batch.positions),
        rows: order.map((i) => batch.rows[i]! - from * S),
        targets: order.map((i) => batch.targets[i]!),
        weights: Float32Array.from(order, (i) => batch.weights[i]!),
      },
      from,
      to,
      order,
    };
  });
}

const padding = (S: number): Pick<StepBatch, 'ids' | 'segments' | 'positions'> => ({ ids: new Int32Array(S).fill(PAD), segments: new Int32Array(S), positions: new Int32Array(S) });

/** What every part has for its evaluated rows (and perhaps for filler after them), in the order of the whole batch. */
export function inOrder(cut: readonly Part[], found: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(cut.reduce((sum, { order }) => sum + order.length, 0));
  cut.forEach(({ order }, part) => order.forEach((at, i) => (whole[at] = found[part]![i]!)));
  return whole;
}

/** An input or output of one part. */
export const ofPart = (name: string, part: number): string => `${name}.${part}`;

const isSize = (value: Attr): value is Exclude<Dim, number> => typeof value === 'object' && !Array.isArray(value);
/** Whether sizes that differ between parts are in it. */
const open = (value: Attr): boolean => (Array.isArray(value) ? value.some(open) : isSize(value));

/**
 * The graph once for every part, in one graph. Variables, constants, scalar inputs and what follows from them alone are shared; other inputs
 * are called `ofPart(name, part)`. Outputs of open size are too; outputs of fixed size are sums over the parts, in their order.
 */
export function towers(graph: Graph, parts: number): Graph {
  const shared = new Set([...graph.variables.map(({ name }) => name), ...Object.keys(graph.constants), ...graph.inputs.filter(({ shape }) => shape.length === 0).map(({ name }) => name)]);
  const values: Graph['values'] = {};
  const nodes: GraphNode[] = [];
  const own: GraphNode[] = [];
  for (const node of graph.nodes) {
    if (!node.inputs.every((name) => shared.has(name)) || [...Object.values(node.attrs), ...node.outputs.map((name) => graph.values[name]!.shape)].some(open)) own.push(node);
    else {
      nodes.push(node);
      node.outputs.forEach((name) => shared.add(name));
    }
  }
  for (const name of shared) values[name] = graph.values[name]!;
  const inputs = graph.inputs.filter(({ name }) => shared.has(name));
  const dims: string[] = [];
  const outputs: Graph['outputs'] = [];
  const sums = new Map<string, string>();
  for (let part = 0; part < parts; part++) {
    const given = new Set(graph.inputs.map(({ name }) => name));
    const renamed = (name: string): string => (shared.has(name) ? name : given.has(name) ? ofPart(name, part) : `_part${part}${name}`);
    const size = (dim: Dim): Dim => (typeof dim === 'number' ? dim : { ...dim, dims: dim.dims.map((name) => ofPart(name, part)) });
    const attr = (value: Attr): Attr => (Array.isArray(value) ? value.map(attr) : isSize(value) ? size(value) : value);
    const info = ({ shape, dtype }: Info): Info => ({ shape: shape.map(size), dtype });
    dims.push(...graph.dims.map((name) => ofPart(name, part)));
    for (const [name, about] of Object.entries(graph.values)) if (!shared.has(name)) values[renamed(name)] = info(about);
    for (const { name, ...about } of graph.inputs) if (!shared.has(name)) inputs.push({ name: renamed(name), ...info(about) });
    for (const node of own) {
      nodes.push({
        kernel: node.kernel,
        inputs: node.inputs.map(renamed),
        outputs: node.outputs.map(renamed),
        attrs: Object.fromEntries(Object.entries(node.attrs).map(([key, value]) => [key, attr(value)])),
      });
    }
    for (const { name, value } of graph.outputs) {
      if (open(graph.values[value]!.shape)) outputs.push({ name: ofPart(name, part), value: renamed(value) });
      else if (!sums.has(name)) sums.set(name, renamed(value));
      else {
        const sum = `_sum${part}.${name}`;
        values[sum] = graph.values[value]!;
        nodes.push({ kernel: 'Add', inputs: [sums.get(name)!, renamed(value)], outputs: [sum], attrs: {} });
        sums.set(name, sum);
      }
    }
  }
  return { ...graph, dims, inputs, values, nodes, outputs: [...outputs, ...[...sums].map(([name, value]) => ({ name, value }))] };
}
