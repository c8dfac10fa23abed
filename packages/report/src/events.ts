// TensorBoard's event files: records of TFRecord that hold `Event` messages (tensorflow/core/util/event.proto). No npm package in use writes
// them; they need six message types, of a format that has not changed since 2017.
import { mustBe } from '@mdiff/arguments';

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff]! ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** TFRecord stores checksums rotated and shifted, so that a record may hold records. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
};

/** length (uint64), its checksum, the data, its checksum; all little-endian */
function record(data: Uint8Array): Uint8Array {
  const head = new DataView(new ArrayBuffer(12));
  head.setBigUint64(0, BigInt(data.length), true);
  head.setUint32(8, masked(new Uint8Array(head.buffer, 0, 8)), true);
  const tail = new DataView(new ArrayBuffer(4));
  tail.setUint32(0, masked(data), true);
  return joined([new Uint8Array(head.buffer), data, new Uint8Array(tail.buffer)]);
}

// Protocol buffers: a field is its number and wire type, then its value.
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}
const whole = (field: number, value: number): Uint8Array => joined([varint(field << 3), varint(value)]);
const nested = (field: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const content = joined(parts);
  return joined([varint((field << 3) | 2), varint(content.length), content]);
};
const text = (field: number, value: string): Uint8Array => nested(field, new TextEncoder().encode(value));
function float(field: number, value: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setFloat32(0, value, true);
  return joined([varint((field << 3) | 5), new Uint8Array(bytes.buffer)]);
}
function double(field: number, value: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setFloat64(0, value, true);
  return joined([varint((field << 3) | 1), new Uint8Array(bytes.buffer)]);
}

const DT_STRING = 7;
const START = 1;

/** The moment of an event: a step of the run, and seconds since 1970. */
export interface Moment {
  step: number;
  time: number;
}

const event = ({ step, time }: Moment, content: Uint8Array): Uint8Array => record(joined([double(1, time), whole(2, step), content]));

/** The records that a file begins with. `from`: TensorBoard drops what earlier files of the folder say of steps after it. */
export function firstEvents(options: Moment): Uint8Array {
  mustBe('firstEvents', 'options', options, 'object');
  const { step: from, time } = options;
  const version = event({ step: 0, time }, text(3, 'brain.Event:2'));
  return from === 0 ? version : joined([version, event({ step: from + 1, time }, nested(7, whole(1, START)))]);
}

/** A record with a value for each name that has a number. */
export function scalarEvent(moment: Moment, values: Readonly<Record<string, number | undefined>>): Uint8Array {
  mustBe('scalarEvent', 'moment', moment, 'object');
  mustBe('scalarEvent', 'values', values, 'object');
  const entries = Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return event(moment, nested(5, ...entries.map(([name, value]) => nested(1, text(1, name), float(2, value)))));
}

/** A record with a text, for TensorBoard's text view. */
export function textEvent(moment: Moment, name: string, content: string): Uint8Array {
  mustBe('textEvent', 'moment', moment, 'object');
  mustBe('textEvent', 'name', name, 'string');
  mustBe('textEvent', 'content', content, 'string');
  const tensor = nested(8, whole(1, DT_STRING), nested(2, nested(2, whole(1, 1))), text(8, content));
  const metadata = nested(9, nested(1, text(1, 'text')));
  return event(moment, nested(5, nested(1, text(1, name), metadata, tensor)));
}
