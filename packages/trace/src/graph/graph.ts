import { isExtent, type Dim } from './extent.js';

export type Dtype = 'float32' | 'int32' | 'bool';
export type TypedArray = Float32Array | Int32Array | Uint8Array;

/** Type and shape of a value; an entry of the shape may be symbolic. */
export interface Info {
  shape: Dim[];
  dtype: Dtype;
}

export type Attr = string | boolean | Dim | Attr[];
export type Attrs = Record<string, Attr>;

/** One TensorFlow.js kernel call with resolved attributes. `inputs` are in the order of `KERNEL_INPUTS` of the kernel. */
export interface GraphNode {
  kernel: string;
  inputs: string[];
  outputs: string[];
  attrs: Attrs;
}

/**
 * A traced function. Plain data; nodes are in an order in which they can run.
 * Values are referred to by name: inputs and variables by their own, everything else by a name starting with `_`.
 */
export interface Graph {
  /** Symbolic dimensions, in the order they appear in the inputs. */
  dims: string[];
  inputs: ({ name: string } & Info)[];
  variables: ({ name: string } & Info)[];
  /** Values that the trace made constant; large uniform ones are `Fill` nodes instead. */
  constants: Record<string, TypedArray>;
  /** Type and shape of every value, inputs, variables and constants included. */
  values: Record<string, Info>;
  nodes: GraphNode[];
  outputs: { name: string; value: string }[];
  /** New values of the variables that the function assigned. */
  updates: { variable: string; value: string }[];
}

/** Values that must survive every pass: outputs and updates. */
export const roots = (graph: Graph): string[] => [
  ...graph.outputs.map((output) => output.value),
  ...graph.updates.map((update) => update.value),
];

/** True when part of the attribute, or of a shape, is known only at run time. */
export const isSymbolic = (attr: Attr): boolean => (Array.isArray(attr) ? attr.some(isSymbolic) : isExtent(attr));
