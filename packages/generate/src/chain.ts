// The chain rule from left to right, −ln p(x) = −Σ ln p(x_i | x_<i): by the denoiser, and by the causal graph of a model that has one.
import { mustBe } from '@mdiff/arguments';
import { shuffle, stream } from '@mdiff/diffusion';
import { windowLimit } from './canvas.js';
import { GenerateError } from './errors.js';
import type { Model } from './model.js';
import type { TokenProbability } from './probabilities.js';
import { crossEntropies, surprisal, type PassOptions, type Question } from './passes.js';
import { turn } from './turn.js';
import type { ScoredUnit } from './units.js';
import { canvasOf } from './words.js';

/** Texts that the causal graph reads side by side. */
const SIDE_BY_SIDE = 16;

/** Places of units of at most `tokens` tokens in all, `[EOS]` included, and of at least one unit; drawn by `seed`, ascending. */
export function drawUnits(units: readonly ScoredUnit[], { tokens, seed }: { tokens: number; seed: number }): number[] {
  const drawn: number[] = [];
  let left = tokens;
  for (const i of shuffle(stream(seed, 'chain rule'), [...units.keys()])) {
    const size = units[i]!.ids.length + 1;
    if (size > left && drawn.length > 0) continue;
    drawn.push(i);
    left -= size;
  }
  return drawn.sort((a, b) => a - b);
}

/**
 * −ln p of each unit by the denoiser, in nats: one canvas for each token, with the tokens behind it masked. Exact for that order of writing, and like the
 * NELBO given the length of the unit.
 */
export async function leftToRight(model: Model, units: readonly ScoredUnit[], options: PassOptions): Promise<Float64Array> {
  const offset = model.config.shift_head ? 1 : 0;
  const questions = units.flatMap(({ ids }): Question[] =>
    Array.from({ length: ids.length + 1 }, (_, i) => {
      const canvas = canvasOf(model.config, ids);
      const target = canvas[offset + i]!;
      canvas.fill(model.config.mask_token_id, offset + i);
      return { canvas, positions: Int32Array.of(offset + i), targets: Int32Array.of(target) };
    }),
  );
  const { nats } = await crossEntropies(model, questions, options);
  let next = 0;
  return Float64Array.from(units, ({ ids }) => {
    let sum = 0;
    for (let i = 0; i <= ids.length; i++) sum += nats[next++]![0]!;
    return sum;
  });
}

/** True for a model that can predict the next token: it has the graph and has learnt to. */
export const predictsNext = (options: Model): boolean => {
  mustBe('predictsNext', 'options', options, 'object');
  const { openWriter, config } = options;
  return openWriter !== undefined && config.causal_share !== 0;
};

/** −ln p of each unit by next-token prediction, in nats: the exact likelihood of that mode, and no bound of the denoiser's. */
export async function nextTokens(
  { openWriter, config }: Model,
  units: readonly ScoredUnit[],
  { signal, onPass }: PassOptions,
): Promise<Float64Array> {
  const { vocab_size: V, bos_token_id: bos, eos_token_id: eos, mask_token_id: mask } = config;
  const nats = new Float64Array(units.length);
  // The longest first: a text that has ended leaves the batch at its end.
  const order = [...units.keys()].sort((a, b) => units[b]!.ids.length - units[a]!.ids.length || a - b);
  let done = 0;
  for (let first = 0; first < order.length; first += SIDE_BY_SIDE) {
    let batch = order.slice(first, first + SIDE_BY_SIDE);
    const longest = units[batch[0]!]!.ids.length;
    const writer = await openWriter!({ batch: batch.length, places: Math.min(longest, windowLimit(config)) + 1 });
    try {
      for (let i = 0; i <= longest; i++) {
        signal?.throwIfAborted();
        const going = batch.filter((u) => units[u]!.ids.length >= i);
        if (going.length < batch.length) await writer.keep([...going.keys()]);
        batch = going;
        const logits = await writer.next({ ids: Int32Array.from(batch, (u) => (i === 0 ? bos : units[u]!.ids[i - 1]!)), length: 1 });
        batch.forEach((u, row) => (nats[u]! += surprisal(logits.subarray(row * V, (row + 1) * V), units[u]!.ids[i] ?? eos, mask)));
        await turn();
      }
    } finally {
      await writer.close().catch(() => undefined); // the model may have been closed
    }
    done += Math.min(SIDE_BY_SIDE, order.length - first);
    onPass?.(done, order.length);
  }
  return nats;
}

export interface NextTokenOptions extends Pick<PassOptions, 'signal'> {
  /** likeliest tokens that each place names; 0 unless given */
  readonly alternatives?: number;
}

/**
 * The tokens of a text, each with its probability given those before it, by next-token prediction: the product is the probability that a text begins so,
 * in that mode. A pass for each token. The model must be one that `predictsNext`, and the text must fit it.
 */
export async function nextTokenProbabilities(model: Model, text: string, options: NextTokenOptions = {}): Promise<TokenProbability[]> {
  mustBe('nextTokenProbabilities', 'model', model, 'object');
  mustBe('nextTokenProbabilities', 'text', text, 'string');
  mustBe('nextTokenProbabilities', 'options', options, 'object');
  const { openWriter, config, tokenizer, name } = model;
  if (!predictsNext(model))
    throw new GenerateError(
      `nextTokenProbabilities: ${name} cannot predict the next token (it has no onnx/causal.onnx, or its training.causal_fraction was 0)`,
    );
  const ids = tokenizer.encode(text);
  if (ids.length === 0) return [];
  const most = windowLimit(config);
  if (ids.length > most)
    throw new GenerateError(
      `text: expected at most ${most} tokens (model.max_seq_len ${config.max_seq_len}), got ${ids.length}; shorten it`,
      {
        tooLong: true,
      },
    );
  const { signal, alternatives = 0 } = options;
  const writer = await openWriter!({ batch: 1, places: ids.length });
  try {
    const out: TokenProbability[] = [];
    for (const [i, id] of ids.entries()) {
      signal?.throwIfAborted();
      const logits = await writer.next({ ids: Int32Array.of(i === 0 ? config.bos_token_id : ids[i - 1]!), length: 1 });
      const nats = surprisal(logits, id, config.mask_token_id);
      const likely = largest(logits, alternatives, config.mask_token_id);
      const chance = (token: number): number => Math.exp(logits[token]! - logits[id]! - nats);
      out.push({ id, probability: chance(id), alternatives: likely.map((token) => ({ token, probability: chance(token) })) });
      await turn();
    }
    return out;
  } finally {
    await writer.close().catch(() => undefined); // the model may have been closed
  }
}

/** Indices of the largest logits but that of `mask`, the largest first; `count` is small. */
function largest(logits: Float32Array, count: number, mask: number): number[] {
  const best: number[] = [];
  for (let v = 0; v < logits.length; v++) {
    if (v === mask || (best.length === count && (count === 0 || logits[v]! <= logits[best[count - 1]!]!))) continue;
    let place = best.length;
    while (place > 0 && logits[v]! > logits[best[place - 1]!]!) place--;
    best.splice(place, 0, v);
    if (best.length > count) best.pop();
  }
  return best;
}
