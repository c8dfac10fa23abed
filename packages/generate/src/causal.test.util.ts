// For tests: a model that writes from left to right without a graph for it.
import type { Model } from './model.js';
import type { CacheSize, NextTokens, Writer } from './runtime/session.js';

/** Logits that depend on all tokens of a text, as those of a causal network do; only texts are kept, so reading a token twice shows. */
function logitsOf(text: readonly number[], size: number): number[] {
  let hash = 7;
  for (const id of text) hash = (Math.imul(hash, 31) + id) | 0;
  return Array.from({ length: size }, (_, v) => 3 * Math.sin(Math.imul(hash, 17 + v)) + (v === 3 && text.length > 9 ? 4 : 0));
}

/** The model with a writer of such logits; `calls` lists what the writer was asked for. */
export function writing(loaded: Model, calls: string[] = []): Model {
  const { vocab_size: V } = loaded.config;
  const openWriter = ({ batch }: CacheSize): Promise<Writer> => {
    calls.push(`open ${batch}`);
    let texts = Array.from({ length: batch }, (): number[] => []);
    return Promise.resolve({
      next: ({ ids, length }: NextTokens) => {
        calls.push(`next ${texts.length} x ${length}`);
        if (ids.length !== texts.length * length) throw new Error(`${ids.length} ids for ${texts.length} texts`);
        texts.forEach((text, b) => text.push(...ids.subarray(b * length, (b + 1) * length)));
        return Promise.resolve(Float32Array.from(texts.flatMap((text) => logitsOf(text, V))));
      },
      keep: (rows: readonly number[]) => {
        texts = rows.map((row) => [...texts[row]!]);
        return Promise.resolve();
      },
      close: () => Promise.resolve(void calls.push('close')),
    });
  };
  // Without fillings the caller's thread draws, from this writer.
  return { ...loaded, openWriter, openFilling: undefined };
}
