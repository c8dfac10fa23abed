// Cross-entropies of known tokens under the denoiser, in as few passes as memory allows.
import type { Model } from './model.js';
import { turn } from './turn.js';

/** A unit with masks, and the tokens that stood there. */
export interface Question {
  /** ids as the graph takes them: with `[BOS]` where the model has it, and `[MASK]` at `positions` at least */
  readonly canvas: Int32Array;
  readonly positions: Int32Array;
  readonly targets: Int32Array;
}

export interface PassOptions {
  /** Aborting rejects with the signal's reason, between two passes. */
  readonly signal?: AbortSignal;
  /** After each pass: questions answered and all questions. */
  readonly onPass?: (done: number, total: number) => void;
}

// A pass returns one row of logits for each position and holds all tokens of its canvases: both bound its memory.
const MOST_LOGITS = 2 ** 21;
const MOST_TOKENS = 2 ** 12;
/** Logits that are summed up before others have their turn: about 2 ms. */
const LOGITS_A_TURN = 2 ** 18;

/** −ln p of each target, in nats and in the order of the questions' positions. Adds the number of passes to `count`. */
export async function crossEntropies(
  model: Model,
  questions: readonly Question[],
  { signal, onPass }: PassOptions = {},
): Promise<{ nats: Float64Array[]; passes: number }> {
  const V = model.config.vocab_size;
  const nats = new Array<Float64Array>(questions.length);
  const batches = batchesOf(questions, V);
  let done = 0;
  for (const batch of batches) {
    signal?.throwIfAborted();
    const logits = await model.denoise(batch.map((q) => questions[q]!));
    let row = 0;
    for (const q of batch) {
      const { targets } = questions[q]!;
      nats[q] = new Float64Array(targets.length);
      for (const [i, target] of targets.entries()) {
        const first = row++ * V;
        nats[q][i] = surprisal(logits.subarray(first, first + V), target, model.config.mask_token_id);
        // The sums of a whole pass would block the caller's event loop for some 30 ms.
        if ((row * V) % LOGITS_A_TURN < V) await turn();
      }
    }
    done += batch.length;
    onPass?.(done, questions.length);
  }
  return { nats, passes: batches.length };
}

/** Questions of similar length together, so that little of a pass is padding. */
function batchesOf(questions: readonly Question[], V: number): number[][] {
  const length = (q: number): number => questions[q]!.canvas.length;
  const order = questions.map((_, q) => q).sort((a, b) => length(a) - length(b) || a - b);
  const batches: number[][] = [];
  let logits = Infinity;
  for (const q of order) {
    const more = questions[q]!.positions.length * V;
    const batch = batches.at(-1);
    if (batch === undefined || logits + more > MOST_LOGITS || (batch.length + 1) * length(q) > MOST_TOKENS) {
      batches.push([q]);
      logits = more;
    } else {
      batch.push(q);
      logits += more;
    }
  }
  return batches;
}

/** −ln p(target) under SUBS: `[MASK]` has probability zero (MDLM, arXiv 2406.07524, section 3.2.3). In float64, as training's loss is summed. */
export function surprisal(logits: Float32Array, target: number, mask: number): number {
  let max = -Infinity;
  for (let v = 0; v < logits.length; v++) if (v !== mask && logits[v]! > max) max = logits[v]!;
  let sum = 0;
  for (let v = 0; v < logits.length; v++) if (v !== mask) sum += Math.exp(logits[v]! - max);
  return max + Math.log(sum) - logits[target]!;
}
