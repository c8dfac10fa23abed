/** The safetensors file format (huggingface/safetensors): u64 header length, JSON header, then raw little-endian data. */
export interface NamedTensor {
  name: string;
  shape: readonly number[];
  data: Float32Array;
}

export function writeSafetensors(tensors: readonly NamedTensor[], metadata: Record<string, string> = {}): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const { name, shape, data } of tensors) {
    const start = end;
    end += data.byteLength;
    header[name] = { dtype: 'F32', shape, data_offsets: [start, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(Math.ceil(json.byteLength / 8) * 8).fill(0x20); // spaces keep the data aligned to 8 bytes
  head.set(json);
  const file = new Uint8Array(8 + head.byteLength + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.byteLength), true);
  file.set(head, 8);
  let offset = 8 + head.byteLength;
  for (const { data } of tensors) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

/** Reads float32 tensors; `wanted` picks them by name, and others may be of any type. */
export function readSafetensors(
  file: Uint8Array,
  wanted: (name: string) => boolean = () => true,
): { tensors: Map<string, NamedTensor>; metadata: Record<string, string> } {
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
    if (dtype !== 'F32') throw new Error(`tensor ${name}: expected dtype F32, got ${dtype}`);
    // A copy, because the data need not be aligned to 4 bytes within the file's buffer.
    const data = new Float32Array(Uint8Array.prototype.slice.call(file, 8 + length + start, 8 + length + end).buffer);
    tensors.set(name, { name, shape, data });
  }
  return { tensors, metadata: metadata as Record<string, string> };
}
