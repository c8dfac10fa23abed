import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBfloat16, fromFloat16 } from './half.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';

describe('safetensors', () => {
  it('reads back any tensors, bit for bit', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.float(), { maxLength: 9 }), { maxLength: 5 }), (arrays) => {
        const tensors = arrays.map((values, i) => ({ name: `t${i}`, shape: [values.length], data: Float32Array.from(values) }));
        const back = readSafetensors(writeSafetensors(tensors, { a: 'b' }));
        expect(back.metadata).toEqual({ a: 'b' });
        expect([...back.tensors.values()]).toEqual(tensors);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it.each(['F16', 'BF16'] as const)('%s: half the bytes, and every value that the type has comes back exactly', (dtype) => {
    const patterns = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
    const all = dtype === 'F16' ? fromFloat16(patterns) : fromBfloat16(patterns);
    const tensors = [{ name: 'all', shape: [256, 256], data: all.map((value) => (Number.isNaN(value) ? 0 : value)) }];
    const file = writeSafetensors([{ name: 'odd', shape: [1], data: Float32Array.of(1) }, ...tensors], {}, dtype);
    expect(new TextDecoder().decode(file.subarray(8, 200))).toContain(`"odd":{"dtype":"${dtype}","shape":[1],"data_offsets":[0,2]}`);
    expect(file.length).toBeLessThan(2 ** 17 + 300);
    expect(readSafetensors(file, (name) => name === 'all').tensors.get('all')).toEqual(tensors[0]);
    // Data that do not start at a multiple of their size within the buffer.
    const moved = new Uint8Array(file.length + 1);
    moved.set(file, 1);
    expect(readSafetensors(moved.subarray(1)).tensors.get('all')).toEqual(tensors[0]);
  });

  it('refuses other types by name', () => {
    const file = writeSafetensors([{ name: 'w', shape: [1], data: Float32Array.of(1) }]);
    const text = new TextDecoder('latin1').decode(file).replace('"F32"', '"I32"');
    expect(() => readSafetensors(Uint8Array.from(text, (letter) => letter.charCodeAt(0)))).toThrow(
      'tensor w: expected dtype F32, F16 or BF16, got I32',
    );
  });

  it('starts with the header length and keeps the data aligned', () => {
    const file = writeSafetensors([{ name: 'w', shape: [1, 2], data: Float32Array.of(1, 2) }]);
    const length = Number(new DataView(file.buffer).getBigUint64(0, true));
    expect((8 + length) % 8).toBe(0);
    expect(JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)))).toEqual({
      __metadata__: {},
      w: { dtype: 'F32', shape: [1, 2], data_offsets: [0, 8] },
    });
    expect(file.length).toBe(8 + length + 8);
  });
});
