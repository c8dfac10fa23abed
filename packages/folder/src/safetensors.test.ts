import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
