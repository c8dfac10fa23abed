// Words that a model did not expect. Each word is asked for with all other words of its unit in place.
import type { Tokenizer } from '@mdiff/text';
import type { Model } from './model.js';
import { crossEntropies, type PassOptions, type Question } from './passes.js';
import { turn } from './turn.js';
import type { ScoredUnit } from './units.js';

export interface WordScore {
  /** with its punctuation, without blanks */
  readonly text: string;
  readonly tokens: number;
  /**
   * −ln p(word | all other words of the unit). Its tokens follow one another: each is asked for with those before it in place and those after it masked
   * (Kauf and Ivanova, arXiv 2305.10588). No mask is drawn, so it has no
   * error. The sum over words is a pseudo-likelihood and not the NELBO.
   */
  readonly nats: number;
}

/** First tokens of the words: those that begin with a blank, and the first one. Blanks alone belong to the word behind them. */
function wordStarts(ids: Int32Array, tokenizer: Tokenizer): number[] {
  const starts: number[] = [];
  let blank = true;
  for (const [i, id] of ids.entries()) {
    const text = tokenizer.decode(Int32Array.of(id));
    if (i === 0 || (/^\s/.test(text) && !blank)) starts.push(i);
    blank = text.trim() === '';
  }
  return starts;
}

/** The words of each unit, and the number of passes: one question for each token. */
export async function scoreWords(
  model: Model,
  units: readonly ScoredUnit[],
  options: PassOptions,
): Promise<{ words: WordScore[][]; passes: number }> {
  const { tokenizer } = model;
  const spans: { from: number; to: number }[][] = [];
  const questions: Question[] = [];
  for (const { ids } of units) {
    const starts = wordStarts(ids, tokenizer);
    const some = starts.map((from, i) => ({ from, to: starts[i + 1] ?? ids.length }));
    spans.push(some);
    for (const span of some) questions.push(...tokensOf(model, ids, span));
    await turn();
  }
  const { nats, passes } = await crossEntropies(model, questions, options);
  let next = 0;
  const words = units.map(({ ids }, u) =>
    spans[u]!.map(({ from, to }): WordScore => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += nats[next++]![0]!;
      return { text: tokenizer.decode(ids.subarray(from, to)).trim(), tokens: to - from, nats: sum };
    }),
  );
  return { words, passes };
}

/** One question for each token of a word. */
function tokensOf({ config }: Model, ids: Int32Array, { from, to }: { from: number; to: number }): Question[] {
  const offset = config.shift_head ? 1 : 0;
  return Array.from({ length: to - from }, (_, i) => {
    const canvas = canvasOf(config, ids);
    canvas.fill(config.mask_token_id, offset + from + i, offset + to);
    return { canvas, positions: Int32Array.of(offset + from + i), targets: Int32Array.of(ids[from + i]!) };
  });
}

/** A unit as the model reads it: `[BOS]` with `shift_head`, the text, `[EOS]`. */
export function canvasOf({ shift_head: shift, bos_token_id: bos, eos_token_id: eos }: Model['config'], ids: Int32Array): Int32Array {
  return Int32Array.from([...(shift ? [bos] : []), ...ids, eos]);
}
