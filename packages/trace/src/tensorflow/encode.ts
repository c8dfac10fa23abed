import { TraceError } from '../error.js';
import { join, LIMIT, Writer } from '../protobuf.js';

/**
 * The part of TensorFlow's protobuf schema (saved_model.proto, meta_graph.proto, graph.proto, node_def.proto,
 * attr_value.proto, tensor.proto of the TensorFlow project, field numbers are stable) that a SavedModel without
 * functions and checkpoint needs.
 */
export type TfType = 'float32' | 'int32' | 'bool' | 'bfloat16' | 'resource';

/** DataType */
const TF_TYPE: Readonly<Record<TfType, number>> = { float32: 1, int32: 3, bool: 10, bfloat16: 14, resource: 20 };

export interface TfTensor {
  type: 'float32' | 'int32' | 'bool';
  dims: readonly number[];
  /** All elements, little-endian as in memory, or one number that all of them equal. */
  data: Uint8Array | number;
}

export type TfAttr =
  | { type: TfType }
  | { bool: boolean }
  | { int: number }
  | { ints: readonly number[] }
  | { float: number }
  | { string: string }
  | { shape: readonly number[] }
  | { tensor: TfTensor };

export interface TfNode {
  name: string;
  op: string;
  /** `node` for its first output, `node:1` for the second, `^node` (a control input) for a node that only has to run before. */
  inputs: readonly string[];
  attrs: Readonly<Record<string, TfAttr>>;
}

/** An input or output of a signature; −1 is a size that is known only when it runs. */
export interface TfValue {
  /** `node:0` */
  tensor: string;
  type: TfType;
  shape: readonly number[];
}

export interface TfSignature {
  inputs: Readonly<Record<string, TfValue>>;
  outputs: Readonly<Record<string, TfValue>>;
}

/** Graph version of TensorFlow 2.9 (April 2022). Every op used here is older; earlier versions are untested. */
const PRODUCER = 1087;
const MIN_CONSUMER = 12;

function writeShape(w: Writer, dims: readonly number[]): void {
  for (const dim of dims) w.message(2, (inner) => inner.int(1, dim));
}

function writeTensor(w: Writer, { type, dims, data }: TfTensor): void {
  w.int(1, TF_TYPE[type]).message(2, (shape) => writeShape(shape, dims));
  if (typeof data !== 'number') w.bytes(4, data);
  else if (type === 'float32') w.float(5, data);
  else w.int(type === 'int32' ? 7 : 11, data);
}

function writeAttr(w: Writer, attr: TfAttr): void {
  if ('type' in attr) w.int(6, TF_TYPE[attr.type]);
  else if ('bool' in attr) w.int(5, Number(attr.bool));
  else if ('int' in attr) w.int(3, attr.int);
  else if ('ints' in attr) {
    const { ints } = attr;
    w.message(1, (list) => {
      for (const value of ints) list.int(3, value);
    });
  } else if ('float' in attr) w.float(4, attr.float);
  else if ('string' in attr) w.bytes(2, new TextEncoder().encode(attr.string));
  else if ('shape' in attr) w.message(7, (inner) => writeShape(inner, attr.shape));
  else w.message(8, (inner) => writeTensor(inner, attr.tensor));
}

function writeNode(w: Writer, { name, op, inputs, attrs }: TfNode): void {
  w.string(1, name).string(2, op);
  for (const input of inputs) w.string(3, input);
  for (const [key, attr] of Object.entries(attrs))
    w.message(5, (entry) => entry.string(1, key).message(2, (inner) => writeAttr(inner, attr)));
}

function writeSignature(w: Writer, { inputs, outputs }: TfSignature): void {
  for (const [field, values] of [
    [1, inputs],
    [2, outputs],
  ] as const) {
    for (const [key, { tensor, type, shape }] of Object.entries(values)) {
      w.message(field, (entry) =>
        entry.string(1, key).message(2, (info) =>
          info
            .string(1, tensor)
            .int(2, TF_TYPE[type])
            .message(3, (inner) => writeShape(inner, shape)),
        ),
      );
    }
  }
  w.string(3, 'tensorflow/serving/predict');
}

/** SavedModel bytes with one graph, tagged `serve`. @throws TraceError when the constants are too large for protobuf */
export function encodeSavedModel(nodes: readonly TfNode[], signatures: Readonly<Record<string, TfSignature>>): Uint8Array {
  let held = 0;
  for (const { attrs } of nodes)
    for (const attr of Object.values(attrs))
      if ('tensor' in attr && typeof attr.tensor.data !== 'number') held += attr.tensor.data.byteLength;
  if (held > LIMIT)
    throw new TraceError(
      `toSavedModel: the file holds ${held} bytes of constants, more than the ${LIMIT} that protobuf allows; pass them as inputs or variables`,
    );
  const w = new Writer();
  w.int(1, 1).message(2, (meta) => {
    meta.message(1, (info) => info.string(4, 'serve').string(5, '2.9.0'));
    meta.message(2, (graph) => {
      for (const node of nodes) graph.message(1, (inner) => writeNode(inner, node));
      graph.message(4, (versions) => versions.int(1, PRODUCER).int(2, MIN_CONSUMER));
    });
    for (const [key, signature] of Object.entries(signatures))
      meta.message(5, (entry) => entry.string(1, key).message(2, (inner) => writeSignature(inner, signature)));
  });
  return join(w.finish());
}
