import { readFileSync } from 'node:fs';

// Reads the files of checks/python/denoiser.py and computes the numbers that both sides share.

const file = (name: string) => new URL(`../fixtures/${name}`, import.meta.url);

/** The index of a golden file and a reader of its float32 arrays, in the order they were written. */
export function golden<Index>(name: string): { index: Index; next: (size: number) => Float32Array } {
  const index = JSON.parse(readFileSync(file(`${name}.json`), 'utf8')) as Index;
  const bytes = readFileSync(file(`${name}.bin`));
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  let offset = 0;
  return {
    index,
    next: (size) => {
      if (offset + size > all.length)
        throw new Error(`fixtures/${name}.bin: expected ${offset + size} numbers, got ${all.length}; run checks/python/denoiser.py`);
      return all.subarray(offset, (offset += size));
    },
  };
}

/** uniform(−1, 1) from murmur3's finaliser of (index, salt), the same numbers as in checks/python/network.py. */
export function noise(count: number, salt: number): Float64Array {
  const shift = Math.imul(salt, 0x9e3779b9) >>> 0;
  return Float64Array.from({ length: count }, (_, i) => {
    let x = (i + shift) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}
