import { LIMIT, Writer } from '../protobuf.js';

/**
 * The part of ONNX's protobuf schema (onnx.proto of the ONNX project, field numbers are stable) that a graph of
 * nodes, initializers and typed values needs.
 */
export type OnnxType = 'float32' | 'float16' | 'int8' | 'int32' | 'int64' | 'bool';

/** TensorProto.DataType */
export const DATA_TYPE: Readonly<Record<OnnxType, number>> = { float32: 1, float16: 10, int8: 3, int32: 6, int64: 7, bool: 9 };

export interface OnnxTensor {
  name: string;
  type: OnnxType;
  dims: readonly number[];
  /** Little-endian, as in memory; or where another file has these bytes. */
  data: Uint8Array | StoredTensor;
}

/** The bytes of a tensor in a file. */
export interface StoredTensor {
  /** path relative to the folder of the model that refers to it */
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

export type OnnxAttr = { int: number } | { float: number } | { string: string } | { ints: readonly number[] } | { tensor: OnnxTensor };

export interface OnnxNode {
  op: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  attrs: Record<string, OnnxAttr>;
}

/** A graph input or output. In its shape a string is a named dimension and undefined an unnamed one. */
export interface OnnxValue {
  name: string;
  type: OnnxType;
  shape: readonly (number | string | undefined)[];
}

export interface OnnxModel {
  name: string;
  doc?: string;
  /** Version by domain; the default domain is ''. */
  opsets: Readonly<Record<string, number>>;
  nodes: readonly OnnxNode[];
  initializers: readonly OnnxTensor[];
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
}

// The IR version that came with each opset of the default domain.
const IR_VERSION: Readonly<Record<number, number>> = { 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11 };

function writeTensor(w: Writer, tensor: OnnxTensor): void {
  for (const dim of tensor.dims) w.int(1, dim);
  const { data } = tensor;
  w.int(2, DATA_TYPE[tensor.type]).string(8, tensor.name);
  if (data instanceof Uint8Array) w.bytes(9, data);
  else {
    const entries = { location: data.file, offset: data.offset, length: data.length };
    for (const [key, value] of Object.entries(entries)) w.message(13, (entry) => entry.string(1, key).string(2, String(value)));
    w.int(14, 1); // DataLocation EXTERNAL
  }
}

function writeAttr(w: Writer, name: string, attr: OnnxAttr): void {
  w.string(1, name);
  if ('int' in attr) w.int(3, attr.int).int(20, 2);
  else if ('float' in attr) w.float(2, attr.float).int(20, 1);
  else if ('string' in attr) w.bytes(4, new TextEncoder().encode(attr.string)).int(20, 3);
  else if ('ints' in attr) {
    for (const value of attr.ints) w.int(8, value);
    w.int(20, 7);
  } else w.message(5, (inner) => writeTensor(inner, attr.tensor)).int(20, 4);
}

function writeNode(w: Writer, node: OnnxNode): void {
  for (const input of node.inputs) w.string(1, input);
  for (const output of node.outputs) w.string(2, output);
  w.string(3, `${node.op}/${node.outputs[0]}`).string(4, node.op);
  for (const [name, attr] of Object.entries(node.attrs)) w.message(5, (inner) => writeAttr(inner, name, attr));
  if (node.domain) w.string(7, node.domain);
}

function writeValue(w: Writer, value: OnnxValue): void {
  w.string(1, value.name).message(2, (type) =>
    type.message(1, (tensor) =>
      tensor.int(1, DATA_TYPE[value.type]).message(2, (shape) => {
        for (const dim of value.shape) {
          shape.message(1, (inner) => {
            if (typeof dim === 'number') inner.int(1, dim);
            else if (dim !== undefined) inner.string(2, dim);
          });
        }
      }),
    ),
  );
}

/** ModelProto bytes in pieces; weights are not copied. @throws RangeError when the model is too large for protobuf */
export function encode(model: OnnxModel): Uint8Array[] {
  const weights = model.initializers.reduce((total, { data }) => total + (data instanceof Uint8Array ? data.byteLength : 0), 0);
  if (weights > LIMIT)
    throw new RangeError(
      `the model holds ${weights} bytes of weights, more than the ${LIMIT} that protobuf allows; write it with writeOnnx of @mdiff/trace/node, or pass them as inputs`,
    );
  const w = new Writer();
  const opset = model.opsets['']!;
  w.int(1, IR_VERSION[opset] ?? 11)
    .string(2, 'mdiff')
    .string(3, '0.1.0');
  if (model.doc) w.string(6, model.doc);
  w.message(7, (graph) => {
    for (const node of model.nodes) graph.message(1, (inner) => writeNode(inner, node));
    graph.string(2, model.name);
    for (const tensor of model.initializers) graph.message(5, (inner) => writeTensor(inner, tensor));
    for (const value of model.inputs) graph.message(11, (inner) => writeValue(inner, value));
    for (const value of model.outputs) graph.message(12, (inner) => writeValue(inner, value));
  });
  for (const [domain, version] of Object.entries(model.opsets)) w.message(8, (inner) => void inner.string(1, domain).int(2, version));
  return w.finish();
}
