import { mustBe } from '@mdiff/arguments';
import { setImmediate } from 'node:timers/promises';

import { TextError } from '../error.js';
import { BYTE_CHARS } from './bytes.js';
import { MIN_VOCAB, Tokenizer } from './tokenizer.js';
import { checkCorpus, type LearnOptions, type TrainedTokenizer } from './train.js';

type Merge = readonly [left: string, right: string];

/**
 * Cuts the GPT-2 vocabulary (Radford et al. 2019; the ranks are r50k of the npm package gpt-tokenizer) to the tokens that `texts` use most. A token counts
 * wherever GPT-2 builds it, alone or on the way to a longer one. It therefore counts at least as often as any token made from it, so every kept token keeps
 * its merge ancestors and stays reachable. All 256 bytes stay, so other text is encoded in smaller pieces. Ids are dense after the reserved ones. The same
 * texts give the same ids.
 *
 * @throws RangeError for a size below 261; TextError when the texts are empty or the ranks are not installed
 */
export async function compressGpt2(texts: Iterable<string>, options: LearnOptions): Promise<TrainedTokenizer> {
  mustBe('compressGpt2', 'options', options, 'object');
  const { vocabSize, signal } = options;
  const corpus = checkCorpus(texts, vocabSize);
  const merges = await gpt2Merges();
  const uses = await countUses(corpus, merges, signal);
  const kept = merges
    .map((merge, rank) => ({ merge, rank, uses: uses.get(merge.join(''))! }))
    .filter((candidate) => candidate.uses > 0)
    .sort((a, b) => b.uses - a.uses || a.rank - b.rank)
    .slice(0, vocabSize - MIN_VOCAB)
    .sort((a, b) => a.rank - b.rank);
  const tokenizer = Tokenizer.fromMerges(kept.map(({ merge }) => merge));
  return { tokenizer, reached: tokenizer.vocabSize, clamped: tokenizer.vocabSize < vocabSize };
}

/** Counts the uses of each merge when GPT-2 encodes `corpus`, by the token that the merge makes. */
async function countUses(corpus: readonly string[], merges: readonly Merge[], signal?: AbortSignal): Promise<Map<string, number>> {
  const full = Tokenizer.fromMerges(merges);
  const uses = new Map<string, number>();
  const vocab = full.toJson().model.vocab;
  const counts = new Uint32Array(full.vocabSize);
  let last = performance.now();
  for (const text of corpus) {
    for (const id of full.encode(text)) counts[id]!++;
    if (performance.now() - last < 100) continue;
    // A signal is delivered only when this thread waits.
    await setImmediate();
    signal?.throwIfAborted();
    last = performance.now();
  }
  for (const [token, id] of Object.entries(vocab)) uses.set(token, counts[id]!);
  // A part has a lower rank than the whole, so its count is complete when its turn comes.
  for (const [left, right] of [...merges].reverse()) {
    const whole = uses.get(left + right)!;
    uses.set(left, uses.get(left)! + whole);
    uses.set(right, uses.get(right)! + whole);
  }
  return uses;
}

/** GPT-2's 50,000 merges in rank order, each token written in the visible stand-ins of its bytes. */
export async function gpt2Merges(): Promise<Merge[]> {
  const { default: entries } = await import('gpt-tokenizer/bpeRanks/r50k_base').catch((error: unknown) => {
    const reason = (error as Error).message.split('\n')[0];
    throw new TextError(
      `tokenizer.type: GPT-2's vocabulary needs the package "gpt-tokenizer", which did not load (${reason}); install it or set tokenizer.type to "bpe"`,
    );
  });
  const utf8 = new TextEncoder();
  const tokens = entries.map((entry) =>
    Array.from(typeof entry === 'string' ? utf8.encode(entry) : entry, (byte) => BYTE_CHARS[byte]!).join(''),
  );
  const ranks = new Map(tokens.map((token, rank) => [token, rank]));
  return tokens.slice(256).map((token, i) => partsOf(token, i + 256, ranks));
}

/** The two parts of a token. The published ranks name each merge by its result; the merges before it make the parts from the same bytes. */
function partsOf(token: string, limit: number, ranks: ReadonlyMap<string, number>): Merge {
  const parts = [...token];
  while (parts.length > 2) {
    let best = limit;
    let place = -1;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = ranks.get(parts[i]! + parts[i + 1]!) ?? limit;
      if (rank < best) [best, place] = [rank, i];
    }
    if (place < 0)
      throw new TextError(
        `tokenizer.type: the package "gpt-tokenizer" does not hold the ranks of GPT-2 (no merges make "${token}"); reinstall it or set tokenizer.type to "bpe"`,
      );
    parts.splice(place, 2, parts[place]! + parts[place + 1]!);
  }
  return [parts[0]!, parts[1]!];
}
