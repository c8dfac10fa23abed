import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** Reads back what `toSavedModel` of @mdiff/trace wrote, and shares no code with the writer. */

type Field = number | Uint8Array;
type Message = Map<number, Field[]>;

function message(data: Uint8Array): Message {
  const reader = new BinaryReader(data);
  const fields: Message = new Map();
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    const value =
      wire === WireType.Varint
        ? Number(reader.int64())
        : wire === WireType.Bit32
          ? reader.float()
          : wire === WireType.LengthDelimited
            ? reader.bytes()
            : undefined;
    if (value === undefined) throw new Error(`wire type ${wire} in field ${field}`);
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}

const one = (from: Message, field: number): Field | undefined => from.get(field)?.[0];
const child = (from: Message, field: number): Message => message((one(from, field) as Uint8Array | undefined) ?? new Uint8Array());
const children = (from: Message, field: number): Message[] => (from.get(field) ?? []).map((data) => message(data as Uint8Array));
const text = (data: Field | undefined): string => new TextDecoder().decode((data as Uint8Array | undefined) ?? new Uint8Array());
const entries = <T>(from: Message, field: number, read: (value: Message) => T): Record<string, T> =>
  Object.fromEntries(children(from, field).map((entry) => [text(one(entry, 1)), read(child(entry, 2))]));
const shape = (from: Message): number[] => children(from, 2).map((dim) => one(dim, 1) as number);

export interface ReadNode {
  name: string;
  op: string;
  inputs: string[];
  attrs: Record<string, unknown>;
}

function attr(from: Message): unknown {
  const [field] = [...from.keys()];
  switch (field) {
    case 2:
      return text(one(from, 2));
    case 7:
      return { shape: shape(child(from, 7)) };
    case 8: {
      const tensor = child(from, 8);
      const content = one(tensor, 4) as Uint8Array | undefined;
      return {
        type: one(tensor, 1),
        shape: shape(child(tensor, 2)),
        ...(content ? { bytes: [...content] } : { value: one(tensor, 5) ?? one(tensor, 7) ?? one(tensor, 11) }),
      };
    }
    default:
      return one(from, field!);
  }
}

const value = (info: Message): { tensor: string; type: number; shape: number[] } => ({
  tensor: text(one(info, 1)),
  type: one(info, 2) as number,
  shape: shape(child(info, 3)),
});

/** Nodes and signatures of a SavedModel. */
export function readSavedModel(bytes: Uint8Array) {
  const meta = child(message(bytes), 2);
  const graph = child(meta, 2);
  const nodes = children(graph, 1).map((node): ReadNode => ({
    name: text(one(node, 1)),
    op: text(one(node, 2)),
    inputs: (node.get(3) ?? []).map(text),
    attrs: entries(node, 5, attr),
  }));
  return {
    tags: (child(meta, 1).get(4) ?? []).map(text),
    versions: Object.fromEntries([...child(graph, 4)].map(([field, [version]]) => [field, version])),
    nodes,
    byName: new Map(nodes.map((node) => [node.name, node])),
    signatures: entries(meta, 5, (signature) => ({
      inputs: entries(signature, 1, value),
      outputs: entries(signature, 2, value),
      method: text(one(signature, 3)),
    })),
  };
}
