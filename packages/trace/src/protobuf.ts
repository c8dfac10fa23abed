import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** protobuf refuses messages of 2 GiB and more. */
export const LIMIT = 2 ** 31 - 1;

/** Protobuf fields by number and type. */
export class Writer {
  private readonly out = new BinaryWriter();

  int(field: number, value: number): this {
    this.out.tag(field, WireType.Varint).int64(value);
    return this;
  }

  float(field: number, value: number): this {
    this.out.tag(field, WireType.Bit32).float(value);
    return this;
  }

  string(field: number, value: string): this {
    this.out.tag(field, WireType.LengthDelimited).string(value);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.out.tag(field, WireType.LengthDelimited).bytes(value);
    return this;
  }

  message(field: number, write: (writer: this) => void): this {
    this.out.tag(field, WireType.LengthDelimited).fork();
    write(this);
    this.out.join();
    return this;
  }

  finish(): Uint8Array {
    return this.out.finish();
  }
}
