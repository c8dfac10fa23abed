import { mustBe } from '@mdiff/arguments';
import { splitBlocks } from './block.js';
import { type Constraints, checkConstraints } from './constraints.js';
import { DiffusionError } from './error.js';
import { type SamplingOptions, samplingOptions } from './options.js';
import { type Rng, stream } from './random.js';
import { redraws } from './redraws.js';
import type { Commit, Sampler, StepArgs } from './sampler.js';
import { drawAll, scorer, withAlternatives } from './score.js';
import { newScratch, type Scratch } from './scratch.js';

/** One canvas and the masked positions (ascending) whose logits are wanted; read only. */
export interface DenoiserRow {
  canvas: Int32Array;
  positions: Int32Array;
  /** index of the canvas in its batch */
  row?: number;
  /** the positions that are filled before the sampler goes on to others, those that are filled already included; ascending */
  block?: readonly number[];
}

/** Logits [M, V] of all wanted positions, row after row; V is the same for all. */
export type Denoiser = (rows: readonly DenoiserRow[]) => LogitRows | Promise<LogitRows>;
export type LogitRows = Float32Array | Float64Array;

/** One step of one canvas, as `onStep` receives it. */
export interface StepEvent {
  /** index of the canvas in its batch */
  row: number;
  /** counted over all blocks, from 1 */
  step: number;
  of: number;
  /** denoiser evaluations of this canvas so far */
  nfe: number;
  /** ids after the step, masks included; changed by later steps, so copy it to keep it */
  canvas: Int32Array;
  commits: readonly Commit[];
  /** positions masked again */
  remasked: Int32Array;
}

interface CommonArgs {
  maskId: number;
  denoiser: Denoiser;
  sampler: Sampler;
  options?: Partial<SamplingOptions>;
  onStep?(event: StepEvent): void;
  /** aborting rejects with the signal's reason */
  signal?: AbortSignal;
}

/** A canvas to fill. At temperature 0 nothing is drawn from its random stream: equal canvases get equal tokens, whatever the seed. */
export interface DenoiseArgs extends CommonArgs {
  canvas: Int32Array;
  constraints?: Constraints;
  rng: Rng;
}

export interface DenoiseBatchArgs extends CommonArgs {
  canvases: readonly Int32Array[];
  /** of each canvas; absent = none */
  constraints?: readonly (Constraints | undefined)[];
  /** canvas i draws from `stream(seed + i)`, or from `stream(seed[i])` where each has its own, and gets what it would get alone */
  seed: number | readonly number[];
}

export interface DenoiseResult {
  /** ids without any mask; positions that were not masked are unchanged */
  canvas: Int32Array;
  /** index of the end-of-text id, after which nothing was generated (masks there became that id); null if there is none */
  end: number | null;
  /** steps taken, including those that called no denoiser */
  steps: number;
  /** denoiser evaluations of this canvas */
  nfe: number;
}

/** Canvases that are being filled, pass by pass, with any denoiser at hand: `wanted`, compute, `take`, until nothing is wanted. */
export interface Denoising {
  /** what the next pass has to compute, equal canvases once; empty when all canvases are filled */
  wanted(): readonly DenoiserRow[];
  /** goes one step on with the logits of `wanted` */
  take(logits: LogitRows): void;
  /** one for each canvas, once all are filled */
  readonly results: readonly DenoiseResult[];
}

/** Fills the masks of a copy of one canvas. Throws `MDIFF_SAMPLING` for a bad option and `MDIFF_LOGITS` for bad logits. */
export async function denoise(options: DenoiseArgs): Promise<DenoiseResult> {
  mustBe('denoise', 'options', options, 'object');
  const { canvas, constraints, rng, ...common } = options;
  const [result] = await drive(begin([{ canvas, constraints, rng }], common), common);
  return result!;
}

/** Fills the masks of several canvases, which may differ in length, with one denoiser call per pass for all of them. */
export async function denoiseBatch(args: DenoiseBatchArgs): Promise<readonly DenoiseResult[]> {
  mustBe('denoiseBatch', 'args', args, 'object');
  return drive(startDenoising(args), args);
}

/** As `denoiseBatch`, for a caller that runs the denoiser itself. */
export function startDenoising(options: Omit<DenoiseBatchArgs, 'denoiser' | 'signal'>): Denoising {
  mustBe('startDenoising', 'options', options, 'object');
  const { canvases, constraints, seed, ...common } = options;
  const inputs = canvases.map((canvas, i) => ({
    canvas,
    constraints: constraints?.[i],
    rng: stream(typeof seed === 'number' ? seed + i : seed[i]!),
  }));
  return begin(inputs, common);
}

async function drive(
  denoising: Denoising,
  { denoiser, signal }: Pick<CommonArgs, 'denoiser' | 'signal'>,
): Promise<readonly DenoiseResult[]> {
  for (;;) {
    const rows = denoising.wanted();
    if (rows.length === 0) return denoising.results;
    signal?.throwIfAborted();
    const logits = await denoiser(rows);
    signal?.throwIfAborted();
    denoising.take(logits);
  }
}

interface Input {
  canvas: Int32Array;
  constraints: Constraints | undefined;
  rng: Rng;
}

function begin(inputs: Input[], common: Omit<CommonArgs, 'denoiser' | 'signal'>): Denoising {
  const options = samplingOptions(common.options);
  if (options.remasking > 0 && common.sampler.name !== 'ancestral') {
    throw new DiffusionError(
      'MDIFF_SAMPLING',
      `sampling option remasking: expected 0 unless the sampler is ancestral (it is ${common.sampler.name}), got ${options.remasking}`,
    );
  }
  // One canvas is scored after the other, so they share their working arrays.
  const scratch = newScratch();
  const walks = inputs.map(({ canvas, constraints, rng }, row) => {
    checkConstraints(constraints, { canvas, maskId: common.maskId, options });
    // The most likely tokens in an order that depends on no seed.
    const order = options.temperature === 0 ? stream(0, 'order') : rng;
    return unmask({ ...common, canvas: canvas.slice(), constraints, rng: order, row, options, scratch });
  });
  const results: DenoiseResult[] = [];
  const goOn = (row: number, given?: Logits): Asking | null => {
    const state = given ? walks[row]!.next(given) : walks[row]!.next();
    if (!state.done) return { row, ...state.value };
    results[row] = state.value;
    return null;
  };
  let asking = walks.map((_, row) => goOn(row)).filter((next) => next !== null);
  let pass = together(asking);
  return {
    results,
    wanted: () => pass.rows,
    take(logits) {
      const size = logits.length / pass.count;
      if (!Number.isInteger(size) || size === 0) {
        throw new DiffusionError(
          'MDIFF_LOGITS',
          `denoiser: expected logits of ${pass.count} positions, all of one size, got ${logits.length} numbers`,
        );
      }
      const { places } = pass;
      const next: Asking[] = [];
      for (let i = 0; i < asking.length; i++) {
        const { first, order } = places[i]!;
        const more = goOn(asking[i]!.row, (m) => {
          const place = (first + (order === null ? m : order[m]!)) * size;
          return logits.subarray(place, place + size);
        });
        if (more !== null) next.push(more);
      }
      asking = next;
      pass = together(asking);
    },
  };
}

type Asking = Required<DenoiserRow>;

/** Where the logits of one canvas stand: its m-th position at first + order[m], or at first + m. */
interface Place {
  first: number;
  order: Int32Array | null;
}

/** One pass for all that ask: equal canvases are computed once. */
function together(asking: readonly Asking[]): { rows: DenoiserRow[]; places: Place[]; count: number } {
  const groups = new Map<string, number[]>();
  asking.forEach(({ canvas }, i) => {
    const key = asking.length === 1 ? '' : canvas.join();
    const group = groups.get(key);
    if (group) group.push(i);
    else groups.set(key, [i]);
  });
  const rows: DenoiserRow[] = [];
  const places = new Array<Place>(asking.length);
  let count = 0;
  for (const group of groups.values()) {
    const { canvas, row, block, positions: some } = asking[group[0]!]!;
    const positions = group.length === 1 ? some : union(group.map((i) => asking[i]!.positions));
    for (const i of group) places[i] = { first: count, order: orderIn(positions, asking[i]!.positions) };
    rows.push({ canvas, positions, row, block });
    count += positions.length;
  }
  return { rows, places, count };
}

function union(lists: readonly Int32Array[]): Int32Array {
  const all = new Set<number>();
  for (const list of lists) for (const position of list) all.add(position);
  return Int32Array.from(all).sort();
}

/** Where the numbers of `part` stand in `all`, both ascending; null = they are the same. */
function orderIn(all: Int32Array, part: Int32Array): Int32Array | null {
  if (all.length === part.length) return null;
  const order = new Int32Array(part.length);
  for (let i = 0, k = 0; i < part.length; i++) {
    while (all[k] !== part[i]) k++;
    order[i] = k;
  }
  return order;
}

type Logits = (i: number) => ArrayLike<number>;
type UnmaskArgs = Omit<CommonArgs, 'denoiser' | 'signal' | 'options'> & Input & { row: number; options: SamplingOptions; scratch: Scratch };

/** Unmasks one canvas in place: yields the positions it needs, receives their logits, and returns the result. */
function* unmask({ canvas, constraints, rng, row, ...common }: UnmaskArgs): Generator<Omit<Asking, 'row'>, DenoiseResult, Logits> {
  const { maskId, sampler, options, onStep, scratch } = common;
  const generated = Array.from(canvas.keys()).filter((p) => canvas[p] === maskId);
  // Remasking may take a committed end of text back, so the positions after it are not skipped.
  const endOfText = (): number => (options.eosId === null || options.remasking > 0 ? -1 : firstEnd(canvas, generated, options.eosId));
  const blocks = splitBlocks(generated, options.blockLength, sampler.paced ? options.numSteps : generated.length);
  const schedules = blocks.map((block) => sampler.schedule(block.positions.length, block.steps, options.schedule));
  const allSteps = schedules.reduce((sum, schedule) => sum + schedule.length, 0);
  const words = goesBack(schedules, sampler, options) ? redraws({ canvas, maskId, constraints, options, onStep }) : null;
  let steps = 0;
  let nfe = 0;
  for (let b = 0; b < blocks.length; b++) {
    const { positions } = blocks[b]!;
    const schedule = schedules[b]!;
    for (let k = 1; k <= schedule.length; k++) {
      const { masked, committed } = partition(canvas, maskId, positions, endOfText());
      if (masked.length === 0 && options.remasking === 0) break;
      // Named one by one: a spread would cost more than the rest of a step that reveals nothing.
      const [step, of, total] = [k, schedule.length, positions.length];
      const choice = sampler.choose({ step, of, total, options, rng, masked, committed });
      let commits: Commit[] = [];
      let remasked = choice.remask;
      if (choice.evaluate.length > 0) {
        nfe++;
        const evaluated = options.earlyCommit ? masked : choice.evaluate;
        const logits = yield { canvas, positions: evaluated, block: positions };
        const count = (schedule[k - 2] ?? total) - schedule[k - 1]!;
        const here = { step, of, total, options, rng, canvas, maskId, scratch, count };
        const all: StepArgs = { ...here, constraints: words ? words.constraints : constraints, positions: evaluated, logits };
        if (options.earlyCommit && settled(all)) {
          commits = drawAll(all);
          remasked = new Int32Array(0);
        } else if (evaluated === choice.evaluate) {
          commits = sampler.step(all);
        } else {
          commits = sampler.step({ ...all, positions: choice.evaluate, logits: (i) => logits(evaluated.indexOf(choice.evaluate[i]!)) });
        }
        if (options.alternatives > 0) commits = withAlternatives(commits, all);
        const back = words?.backTo(commits[0]!, all) ?? null;
        if (back !== null) {
          // A step for each position: of the block at hand, and of those before it.
          const count = positions[0]! - back;
          canvas.fill(maskId, back, positions[0]);
          [b, steps] = [b - count - 1, steps - count];
          break;
        }
      }
      for (const { position, token } of commits) canvas[position] = token;
      for (const position of remasked) canvas[position] = maskId;
      steps++;
      const event: StepEvent = { row, step: steps, of: allSteps, nfe, canvas, commits, remasked };
      // Held until the word stays, when the canvas has gone on.
      if (words && onStep) words.tell({ ...event, canvas: canvas.slice() });
      else onStep?.(event);
    }
  }
  words?.end();
  const end = options.eosId === null ? -1 : firstEnd(canvas, generated, options.eosId);
  for (const p of generated) if (end >= 0 && p > end) canvas[p] = options.eosId!;
  return { canvas, end: end < 0 ? null : end, steps, nfe };
}

/** True if words may be written anew: one token a step, from left to right, by a denoiser that keeps nothing of what it has read. */
const goesBack = (
  schedules: readonly (readonly number[])[],
  { keepsRead }: Sampler,
  { letters, wordGuard, words, remasking }: SamplingOptions,
): boolean =>
  wordGuard > 0 && letters !== null && !words?.allowed && remasking === 0 && !keepsRead && schedules.every(({ length }) => length === 1);

/** Positions that are masked (and before `end`, unless it is negative), and those that are not. */
function partition(
  canvas: Int32Array,
  maskId: number,
  positions: readonly number[],
  end: number,
): { masked: Int32Array; committed: Int32Array } {
  const masked: number[] = [];
  const committed: number[] = [];
  for (const p of positions) {
    if (canvas[p] !== maskId) committed.push(p);
    else if (end < 0 || p < end) masked.push(p);
  }
  return { masked: new Int32Array(masked), committed: new Int32Array(committed) };
}

/** The first generated position that holds the end of text, or −1. */
const firstEnd = (canvas: Int32Array, generated: readonly number[], eosId: number): number =>
  generated.find((p) => canvas[p] === eosId) ?? -1;

/** Prophet's bounds on the mean gap of the two top logits, for each third of the steps (arXiv 2508.19982). */
function settled(args: StepArgs): boolean {
  const score = scorer(args, args.options);
  let sum = 0;
  for (const i of args.positions.keys()) {
    score.load(i);
    const [first, second] = score.topTwo();
    sum += first - second;
  }
  return sum / args.positions.length >= [7.5, 5, 2.5][Math.floor((3 * (args.step - 1)) / args.of)]!;
}
