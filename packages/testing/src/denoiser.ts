import { type MarkovChain, conditionals } from './markov.js';

export interface OracleOptions {
  /** id of the mask */
  maskId: number;
  /** id of state 0; lower ids are special and belong to no state */
  firstId: number;
  /** logit of every special id; a large one shows a sampler that commits them; −∞ unless given */
  specialLogit?: number;
}

export interface OracleDenoiser {
  (rows: readonly { canvas: Int32Array; positions: Int32Array }[]): Float64Array;
  /** number of calls so far */
  calls: number;
}

/**
 * A fake denoiser without any model error: logits [M, firstId + S] whose softmax is the chain's exact conditional at each wanted position.
 * Special ids in the canvas (a [BOS] in front, for instance) must stand before the chain's first position, and are skipped.
 */
export function oracleDenoiser(chain: MarkovChain, { maskId, firstId, specialLogit = -Infinity }: OracleOptions): OracleDenoiser {
  const size = chain.initial.length;
  const tables = new Map<string, number[][]>();
  const denoiser: OracleDenoiser = (rows) => {
    denoiser.calls++;
    const total = rows.reduce((sum, { positions }) => sum + positions.length, 0);
    const out = new Float64Array(total * (firstId + size)).fill(specialLogit);
    let m = 0;
    for (const { canvas, positions } of rows) {
      const start = canvas.findIndex((id) => id >= firstId || id === maskId);
      const key = canvas.join(' ');
      let table = tables.get(key);
      if (table === undefined) {
        table = conditionals(
          chain,
          Array.from(canvas.subarray(start), (id) => (id === maskId ? null : id - firstId)),
        );
        tables.set(key, table);
      }
      for (const position of positions) {
        const row = table[position - start]!;
        for (let s = 0; s < size; s++) out[m * (firstId + size) + firstId + s] = Math.log(row[s]!);
        m++;
      }
    }
    return out;
  };
  denoiser.calls = 0;
  return denoiser;
}
