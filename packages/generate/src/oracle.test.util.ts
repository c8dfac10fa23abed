// For tests: models whose denoiser is exact.
import { conditionals, probability, type MarkovChain } from '@mdiff/testing';
import { Tokenizer } from '@mdiff/text';
import type { Model } from './model.js';

const bytes = Tokenizer.fromMerges([]);
const SYMBOLS = ['a', 'b', ' '].map((letter) => bytes.encode(letter)[0]!).concat(bytes.special.eos);
export const chain: MarkovChain = {
  initial: [0.5, 0.3, 0.1, 0.1],
  transition: [
    [0.5, 0.2, 0.2, 0.1],
    [0.1, 0.3, 0.4, 0.2],
    [0.6, 0.2, 0.1, 0.1],
    [0.3, 0.3, 0.3, 0.1],
  ],
};
export const flat: MarkovChain = { initial: [0.25, 0.25, 0.25, 0.25], transition: chain.transition.map(() => [0.25, 0.25, 0.25, 0.25]) };

/** A model whose denoiser is exact: its tokens are a, b, blank and [EOS], and every text is a draw of the chain. */
export function oracle(base: Model, law: MarkovChain, { shift = true, tokenizer = bytes, most = 64 } = {}): Model & { rows: number[] } {
  const config = { ...base.config, vocab_size: 262, max_seq_len: most, shift_head: shift };
  const rows: number[] = [];
  return {
    ...base,
    config,
    tokenizer,
    rows,
    denoise: (canvases) => {
      rows.push(canvases.length);
      const logits = canvases.flatMap(({ canvas, positions }) => {
        const text = [...canvas].slice(shift ? 1 : 0);
        const table = conditionals(
          law,
          text.map((id) => (id === config.mask_token_id ? null : SYMBOLS.indexOf(id))),
        );
        return [...positions].map((position) => {
          // [MASK] has the largest logit by far: a score that counts it is wrong.
          const row = new Float32Array(262).fill(-Infinity);
          row[config.mask_token_id] = 30;
          for (const [state, id] of SYMBOLS.entries()) row[id] = Math.log(table[position - (shift ? 1 : 0)]![state]!);
          return row;
        });
      });
      const out = new Float32Array(logits.length * 262);
      for (const [m, row] of logits.entries()) out.set(row, m * 262);
      return Promise.resolve(out);
    },
  };
}

export const states = (text: string): number[] => [...[...text].map((letter) => 'ab '.indexOf(letter)), 3];
export const exact = (law: MarkovChain, text: string): number => -Math.log(probability(law, states(text)));
