// Fetches the encoder as `mdiff embeddings fetch` does and compares its sentence vectors with those of sentence-transformers (encoder.py).
// Usage: node --conditions=@mdiff/source --import tsx checks/python/encoder.mjs CACHE_FOLDER. Ends with `N passed, N failed`.
import { readFileSync } from 'node:fs';
import { onnxEmbedder } from '@mdiff/prepare';
import { fetchEncoder } from '@mdiff/provision';

// What issue 5 asks for; float32 on both sides leaves about 1e-7.
const LEAST = 0.9999;

const { dimensions: d, sentences } = JSON.parse(readFileSync(new URL('../../packages/provision/fixtures/encoder.json', import.meta.url), 'utf8'));
let passed = 0;
let failed = 0;
const check = (holds, name) => {
  if (holds) passed++;
  else failed++;
  console.log(`${holds ? 'ok    ' : 'FAILED'} ${name}`);
};
try {
  const { name, folder } = await fetchEncoder({ cacheDir: process.argv[2], note: console.log });
  const { data, dimensions } = await (await onnxEmbedder(name, folder, 1)).embed(sentences.map(({ text }) => text));
  check(dimensions === d, `encoder: ${d} dimensions`);
  sentences.forEach(({ text, vector }, i) => {
    const expected = new Float32Array(Uint8Array.from(Buffer.from(vector, 'base64')).buffer);
    const own = data.subarray(i * d, (i + 1) * d);
    const dot = (a, b) => a.reduce((sum, value, j) => sum + value * b[j], 0);
    const cosine = dot(own, expected) / Math.sqrt(dot(own, own) * dot(expected, expected));
    check(cosine >= LEAST, `encoder: cosine ${cosine.toFixed(8)}, "${text.slice(0, 50)}"`);
  });
} catch (error) {
  check(false, `encoder: ${error.message}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
