import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** protobuf refuses messages of 2 GiB and more. */
export const LIMIT = 2 ** 31 - 1;

/** Bytes of more than this are kept where they are instead of being copied into the message. */
const LARGE = 2 ** 16;

/** Protobuf fields by number and type. */
export class Writer {
  private tail = new BinaryWriter();
  private readonly parts: Uint8Array[] = [];

  int(field: number, value: number): this {
    this.tail.tag(field, WireType.Varint).int64(value);
    return this;
  }

  float(field: number, value: number): this {
    this.tail.tag(field, WireType.Bit32).float(value);
    return this;
  }

  string(field: number, value: string): this {
    this.tail.tag(field, WireType.LengthDelimited).string(value);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.tail.tag(field, WireType.LengthDelimited);
    if (value.byteLength <= LARGE) this.tail.bytes(value);
    else this.keep([value]);
    return this;
  }

  message(field: number, write: (writer: Writer) => void): this {
    const inner = new Writer();
    write(inner);
    const parts = inner.finish();
    this.tail.tag(field, WireType.LengthDelimited);
    if (parts.length === 1) this.tail.bytes(parts[0]!);
    else this.keep(parts);
    return this;
  }

  /** The message in pieces; large bytes are those that were given. */
  finish(): Uint8Array[] {
    this.parts.push(this.tail.finish());
    return this.parts;
  }

  private keep(parts: readonly Uint8Array[]): void {
    this.tail.uint32(lengthOf(parts));
    this.parts.push(this.tail.finish(), ...parts);
    this.tail = new BinaryWriter();
  }
}

const lengthOf = (parts: readonly Uint8Array[]): number => parts.reduce((total, { byteLength }) => total + byteLength, 0);

export function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(lengthOf(parts));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}
