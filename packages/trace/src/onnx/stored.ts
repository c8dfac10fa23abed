import { mustBe } from '@mdiff/arguments';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { StoredTensor } from './encode.js';

/** The fields of a protobuf message whose value has a length: number and bytes, as views into `message`. */
function* fields(message: Uint8Array): Generator<[number, Uint8Array]> {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (wire === WireType.LengthDelimited) yield [field, reader.bytes()];
    else reader.skip(wire, field);
  }
}

const field = (message: Uint8Array, number: number): Uint8Array | undefined => {
  for (const [found, bytes] of fields(message)) if (found === number) return bytes;
  return undefined;
};

/**
 * Where the weights of an ONNX model lie in its bytes, by name: another model can refer to them in `file` instead of holding them as well.
 */
export function storedTensors(model: Uint8Array, file: string): Map<string, StoredTensor> {
  mustBe('storedTensors', 'model', model, 'object');
  mustBe('storedTensors', 'file', file, 'string');
  const stored = new Map<string, StoredTensor>();
  for (const [part, tensor] of fields(field(model, 7) ?? new Uint8Array(0))) {
    if (part !== 5) continue;
    const data = field(tensor, 9);
    if (data)
      stored.set(new TextDecoder().decode(field(tensor, 8)), { file, offset: data.byteOffset - model.byteOffset, length: data.length });
  }
  return stored;
}
