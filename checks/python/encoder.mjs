// Fetches the encoder as `mdiff embeddings fetch` does and compares its sentence vectors with those of sentence-transformers (encoder.py).
// Usage: node --conditions=@mdiff/source --import tsx checks/python/encoder.mjs CACHE_FOLDER. Ends with `N passed, N failed`.
import { readFileSync } from 'node:fs';
import { onnxEmbedder } from '@mdiff/prepare';
import { fetchEncoder } from '@mdiff/provision';
import { counter } from '../count.mjs';

// Float32 on both sides leaves about 1e-7; a wrong pooling, normalisation or tokenizer costs more than this.
const LEAST = 0.9999;

const { dimensions: d, sentences } = JSON.parse(
  readFileSync(new URL('../../packages/provision/fixtures/encoder.json', import.meta.url), 'utf8'),
);
const { check, end } = counter();
const dot = (a, b) => a.reduce((sum, value, j) => sum + value * b[j], 0);
try {
  const { name, folder } = await fetchEncoder({ cacheDir: process.argv[2], note: console.log });
  const { data, dimensions } = await (await onnxEmbedder(name, folder, 1)).embed(sentences.map(({ text }) => text));
  check(`encoder: ${d} dimensions`, dimensions === d ? '' : `got ${dimensions}`);
  sentences.forEach(({ text, vector }, i) => {
    const expected = new Float32Array(Uint8Array.from(Buffer.from(vector, 'base64')).buffer);
    const computed = data.subarray(i * d, (i + 1) * d);
    const cosine = dot(computed, expected) / Math.sqrt(dot(computed, computed) * dot(expected, expected));
    check(`encoder: "${text.slice(0, 50)}"`, cosine >= LEAST ? '' : `cosine: expected at least ${LEAST}, got ${cosine.toFixed(8)}`);
  });
} catch (error) {
  check('encoder', error.message);
}
end();
