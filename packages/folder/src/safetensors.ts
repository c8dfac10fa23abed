import { mustBe } from '@mdiff/arguments';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './half.js';

/** The safetensors file format (huggingface/safetensors): u64 header length, JSON header, then raw little-endian data. */
export interface NamedTensor {
  name: string;
  shape: readonly number[];
  data: Float32Array;
}

/** Types of numbers on the disk. In memory all are float32, which holds each of them exactly. */
export type Dtype = 'F32' | 'F16' | 'BF16';

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
/** A copy, because data need not be aligned within the file's buffer. */
const copied = (bytes: Uint8Array): ArrayBuffer => Uint8Array.prototype.slice.call(bytes).buffer;

const formats: Readonly<Record<Dtype, { write(values: Float32Array): Uint8Array; read(bytes: Uint8Array): Float32Array }>> = {
  F32: { write: bytesOf, read: (bytes) => new Float32Array(copied(bytes)) },
  F16: { write: (values) => bytesOf(toFloat16(values)), read: (bytes) => fromFloat16(new Uint16Array(copied(bytes))) },
  BF16: { write: (values) => bytesOf(toBfloat16(values)), read: (bytes) => fromBfloat16(new Uint16Array(copied(bytes))) },
};

/** Writes all tensors as `dtype`; 16-bit types round to nearest, ties to even. */
export function writeSafetensors(tensors: readonly NamedTensor[], metadata: Record<string, string> = {}, dtype: Dtype = 'F32'): Uint8Array {
  mustBe('writeSafetensors', 'tensors', tensors, 'list');
  mustBe('writeSafetensors', 'metadata', metadata, 'object');
  mustBe('writeSafetensors', 'dtype', dtype, 'string');
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  const parts = tensors.map(({ name, shape, data }) => {
    const part = formats[dtype].write(data);
    header[name] = { dtype, shape, data_offsets: [end, end + part.byteLength] };
    end += part.byteLength;
    return part;
  });
  const json = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(Math.ceil(json.byteLength / 8) * 8).fill(0x20); // spaces keep the data aligned to 8 bytes
  head.set(json);
  const file = new Uint8Array(8 + head.byteLength + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.byteLength), true);
  file.set(head, 8);
  let offset = 8 + head.byteLength;
  for (const part of parts) {
    file.set(part, offset);
    offset += part.byteLength;
  }
  return file;
}

/** Reads tensors of 32 or 16 bits; `wanted` picks them by name, and others may be of any type. */
export function readSafetensors(
  file: Uint8Array,
  wanted: (name: string) => boolean = () => true,
): { tensors: Map<string, NamedTensor>; metadata: Record<string, string> } {
  mustBe('readSafetensors', 'file', file, 'object');
  mustBe('readSafetensors', 'wanted', wanted, 'function');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  > & { __metadata__?: Record<string, string> };
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map<string, NamedTensor>();
  for (const [
    name,
    {
      dtype,
      shape,
      data_offsets: [start, end],
    },
  ] of Object.entries(entries)) {
    if (!wanted(name)) continue;
    if (!Object.hasOwn(formats, dtype)) throw new Error(`tensor ${name}: expected dtype F32, F16 or BF16, got ${dtype}`);
    const data = formats[dtype as Dtype].read(file.subarray(8 + length + start, 8 + length + end));
    tensors.set(name, { name, shape, data });
  }
  return { tensors, metadata: metadata as Record<string, string> };
}
