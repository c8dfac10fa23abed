// Keeps a gap from ending inside a word: "upon the sc and said", where the text behind the gap does not go on with what the gap began.
import type { DenoiseResult, DenoiserRow, TokenSet } from '@mdiff/diffusion';
import { ENDS_IN_LETTER, GOES_ON, wordPieces, type Layout } from './canvas.js';
import { fill, type Job, type Run, type Target } from './fill.js';
import type { Model } from './model.js';

/** Fillings of one text, at most: each forbids the beginnings of words that those before it left at the end of a gap. */
const FILLINGS = 4;
/** A word is taken for unfinished if the next token would go on inside it with this chance. */
const UNFINISHED = 0.5;
/** Ends that one pass asks about: its logits cross to the caller's thread. */
const ENDS_PER_PASS = 64;

/**
 * As `fill`, on canvases where fixed text follows the gaps. If the model would write a gap's last word on, though the text behind it does not, the gap is filled
 * again without the first token of that word. `onStep` gets the steps of the last filling alone, since committed text never changes. `wordGuard` 0 and words of
 * a list (`allowedWords`) leave all of this out.
 */
export async function fillWholeWords(job: Omit<Job, 'closed' | 'ahead'>, run: Run): Promise<DenoiseResult[]> {
  const { model, sampling } = job;
  const { onStep, ...quiet } = run;
  const plain = sampling.wordGuard === 0 || sampling.sampler === 'causal' || run.allowedWords !== undefined;
  if (plain) return fill({ ...job, closed: true }, run);
  const targets = [...job.targets];
  const results: DenoiseResult[] = [];
  const passes = targets.map(() => 0);
  let open = [...targets.keys()];
  for (let filling = 1; open.length > 0; filling++) {
    const filled = await fill({ ...job, closed: true, targets: open.map((i) => targets[i]!) }, quiet);
    open.forEach((i, k) => {
      results[i] = filled[k]!;
      passes[i]! += filled[k]!.nfe;
    });
    if (filling === FILLINGS) break;
    const ends = await unfinishedEnds(
      model,
      open.map((i) => ({ ...targets[i]!, canvas: results[i]!.canvas })),
      run.signal,
    );
    open = open.filter((i, k) => {
      if (ends[k]!.asked) passes[i]!++;
      targets[i] = without(targets[i]!, results[i]!.canvas, ends[k]!.starts);
      return ends[k]!.starts.length > 0;
    });
  }
  if (onStep) {
    // The same draws once more, now with a listener.
    (await fill({ ...job, closed: true, targets }, run)).forEach((result, i) => {
      results[i] = result;
      passes[i]! += result.nfe;
    });
  }
  return results.map((result, i) => ({ ...result, nfe: passes[i]! }));
}

interface End {
  /** first position of the gap's last word */
  readonly start: number;
  /** the canvas with a mask behind that word */
  readonly row: DenoiserRow;
}

type Filled = Pick<Target, 'layout' | 'constraints'> & { readonly canvas: Int32Array };

/** For each canvas, where the unfinished words begin that gaps end in. */
async function unfinishedEnds(
  model: Model,
  all: readonly Filled[],
  signal: AbortSignal | undefined,
): Promise<{ asked: boolean; starts: number[] }[]> {
  const asked = all.flatMap((filled, index) => endsOf(model, filled).map((end) => ({ ...end, index })));
  const out = all.map((_, index) => ({ asked: asked.some((end) => end.index === index), starts: [] as number[] }));
  for (let first = 0; first < asked.length; first += ENDS_PER_PASS) {
    signal?.throwIfAborted();
    const some = asked.slice(first, first + ENDS_PER_PASS);
    const logits = await model.denoise(some.map(({ row }) => row));
    const size = logits.length / some.length;
    some.forEach(({ index, start }, k) => {
      if (chanceToGoOn(model, logits.subarray(k * size, (k + 1) * size)) >= UNFINISHED) out[index]!.starts.push(start);
    });
  }
  return out;
}

function endsOf({ config, tokenizer }: Model, { layout, constraints, canvas }: Filled): End[] {
  const kinds = wordPieces(tokenizer);
  const goesOn = (p: number): boolean => (kinds[canvas[p]!]! & GOES_ON) !== 0 && (kinds[canvas[p - 1]!]! & ENDS_IN_LETTER) !== 0;
  return layout.gaps.flatMap(({ start: from, length }: Layout['gaps'][number]) => {
    const behind = from + length;
    if ((kinds[canvas[behind - 1]!]! & ENDS_IN_LETTER) === 0 || (kinds[canvas[behind]!]! & GOES_ON) !== 0) return [];
    let start = behind - 1;
    while (start > from && goesOn(start)) start--;
    // A word that stands at a fixed place is the caller's.
    if (constraints?.get(start)?.allow?.length === 1) return [];
    const asked = Int32Array.of(...canvas.subarray(0, behind), config.mask_token_id, ...canvas.subarray(behind)).slice(
      0,
      config.max_seq_len,
    );
    return behind < asked.length ? [{ start, row: { canvas: asked, positions: Int32Array.of(behind) } }] : [];
  });
}

/** The chance of all tokens that begin with a letter. */
function chanceToGoOn({ tokenizer }: Model, logits: Float32Array): number {
  const kinds = wordPieces(tokenizer);
  const reserved = new Set<number>(Object.values(tokenizer.special));
  const most = logits.reduce((top, value) => Math.max(top, value), -Infinity);
  let [inside, all] = [0, 0];
  for (let id = 0; id < kinds.length; id++) {
    if (reserved.has(id)) continue;
    const weight = Math.exp(logits[id]! - most);
    all += weight;
    if ((kinds[id]! & GOES_ON) !== 0) inside += weight;
  }
  return inside / all;
}

function without(target: Target, canvas: Int32Array, starts: readonly number[]): Target {
  if (starts.length === 0) return target;
  const constraints = new Map<number, TokenSet>(target.constraints);
  for (const start of starts) {
    const before = constraints.get(start);
    constraints.set(start, { ...before, forbid: Int32Array.of(...(before?.forbid ?? []), canvas[start]!) });
  }
  return { ...target, constraints };
}
