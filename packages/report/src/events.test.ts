import { describe, expect, it } from 'vitest';
import { crc32c, firstEvents, scalarEvent, textEvent } from './events.js';

// checks/python/events.py reads such files with TensorBoard itself.

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The data of every record, after its length and both checksums have been compared. */
function records(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const data: Uint8Array[] = [];
  for (let at = 0; at < file.length;) {
    const length = Number(view.getBigUint64(at, true));
    data.push(file.subarray(at + 12, at + 12 + length));
    at += 16 + length;
  }
  return data;
}

describe('event files', () => {
  it('have the checksums of RFC 3720, appendix B.4', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
    expect(crc32c(ascii('123456789'))).toBe(0xe3069283);
  });

  it('begin with their version, and after a resume with the step from which earlier files no longer count', () => {
    expect(records(firstEvents({ step: 0, time: 1 }))).toHaveLength(1);
    const [version, start] = records(firstEvents({ step: 300, time: 1 }));
    expect(new TextDecoder().decode(version)).toContain('brain.Event:2');
    // step 301 as a varint, then SessionLog { status: START }
    expect([...start!.subarray(9)]).toEqual([0x10, 0xad, 0x02, 0x3a, 0x02, 0x08, 0x01]);
  });

  it('hold numbers by name, and leave out those that are not there', () => {
    const [data] = records(scalarEvent({ step: 7, time: 2 }, { 'loss/train': 1.5, nelbo: undefined }));
    const content = new TextDecoder('latin1').decode(data);
    expect(content).toContain('loss/train');
    expect(content).not.toContain('nelbo');
    expect([...data!.subarray(-5)]).toEqual([0x15, 0, 0, 0xc0, 0x3f]);
  });

  it('hold any text', () => {
    const [data] = records(textEvent({ step: 7, time: 2 }, 'sample', 'Whale — 鯨'));
    expect(new TextDecoder().decode(data)).toContain('Whale — 鯨');
  });
});
