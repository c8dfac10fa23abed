// Fills canvases beside the forward passes, so that logits never leave the thread that computes them. Knows no runtime.
import {
  sampler,
  startDenoising,
  type Constraints,
  type DenoiseResult,
  type DenoiserRow,
  type SamplerName,
  type SamplingOptions,
  type StepEvent,
} from '@mdiff/diffusion';
import type { Reserved } from './feed.js';

/** Canvases of any lengths to fill. */
export interface FillArgs {
  readonly canvases: readonly Int32Array[];
  /** of each canvas */
  readonly constraints: readonly (Constraints | undefined)[];
  /** of each canvas */
  readonly seeds: readonly number[];
  readonly sampler: SamplerName;
  readonly options: Partial<SamplingOptions>;
  /** masks that the model sees behind each canvas and that are not filled */
  readonly ahead: number;
}

/** What to fill, as data: it crosses to the inference thread. */
export interface FillTask extends FillArgs, Reserved {
  /** report each step of each canvas */
  readonly watched: boolean;
}

/** After one or several forward passes. */
export interface FillProgress {
  /** the steps since the last report; none unless they are watched */
  readonly events: readonly StepEvent[];
  /** null until all canvases are filled */
  readonly results: readonly DenoiseResult[] | null;
}

/** Canvases that are being filled in the thread that computes, which waits for nobody. */
export interface Filling {
  /** Resolves after the next forward passes that there is something to tell of. */
  progress(): Promise<FillProgress>;
}

/** The same in the thread that computes. */
export interface LocalFilling {
  readonly task: FillTask;
  /** true after its first step */
  readonly begun: boolean;
  /** what its next step has to compute; empty when all canvases are filled */
  wanted(): readonly DenoiserRow[];
  /** goes one step on with the logits of `wanted`; returns the tokens that each canvas commits */
  take(logits: Float32Array): readonly number[];
  report(): FillProgress;
}

export function startFilling(task: FillTask): LocalFilling {
  let events: StepEvent[] = [];
  let committed: number[] = [];
  let begun = false;
  const denoising = startDenoising({
    canvases: task.canvases,
    constraints: task.constraints,
    seed: task.seeds,
    maskId: task.maskId,
    sampler: sampler(task.sampler),
    options: task.options,
    onStep(event) {
      committed.push(event.commits.length);
      if (task.watched) events.push({ ...event, canvas: event.canvas.slice() });
    },
  });
  return {
    task,
    get begun() {
      return begun;
    },
    wanted: () => denoising.wanted(),
    take(logits) {
      begun = true;
      committed = [];
      denoising.take(logits);
      return committed;
    },
    report() {
      const report = events;
      events = [];
      return { events: report, results: denoising.wanted().length === 0 ? denoising.results : null };
    },
  };
}

/** One forward pass for several fillings. */
export interface SharedPass {
  /** of each filling that waited */
  readonly outcomes: readonly StepOutcome[];
  /** canvases that the pass computed; equal ones of a filling count once */
  readonly rows: number;
  /** tokens that the step committed in each text */
  readonly tokens: readonly number[];
}

/** A canvas in a pass, and the filling that it is of. */
export interface FillRow extends DenoiserRow {
  readonly owner: object;
}

/** Computes the logits [M, V] of all wanted positions, row after row. */
export type FillPass = (rows: readonly FillRow[], reserved: Reserved) => Promise<Float32Array>;

/** As it crosses threads. */
export interface FillFault {
  readonly message: string;
  readonly code?: string;
}

/** A filling after a pass: it went one step on, had no place in the pass, or failed alone. */
export type StepOutcome = 'stepped' | 'waits' | { readonly error: FillFault };

// What one pass for several fillings may hold: V logits for each wanted position, and all tokens that it reads, padding included.
const MOST_LOGITS = 2 ** 21;
const MOST_TOKENS = 2 ** 12;

/**
 * One forward pass for the first filling and for those behind it whose canvases are about as long, as far as they fit. A row's logits do not depend
 * on the rows beside it, to the bit (fillings.test.ts). Together short canvases take half the time or less; from 128 tokens on it is the same (measured).
 * Texts that are written from left to right have passes of their own, since those read a token of each.
 */
export async function stepTogether(waiting: readonly LocalFilling[], passOf: (task: FillTask) => FillPass): Promise<SharedPass> {
  const rows = waiting.map((filling) => filling.wanted());
  const chosen = together(rows, waiting);
  const all = chosen.flatMap((i) => lengthened(rows[i]!, waiting[i]!.task).map((row) => ({ ...row, owner: waiting[i]! })));
  const { task } = waiting[chosen[0]!]!;
  const logits = all.length > 0 ? await passOf(task)(all, task) : new Float32Array(0);
  const outcomes = waiting.map((): StepOutcome => 'waits');
  const tokens: number[] = [];
  const size = logits.length / Math.max(1, positionsOf(all));
  let first = 0;
  for (const i of chosen) {
    const count = positionsOf(rows[i]!) * size;
    outcomes[i] = outcomeOf(waiting[i]!, logits.subarray(first, first + count), tokens);
    first += count;
  }
  return { outcomes, rows: all.length, tokens };
}

const positionsOf = (rows: readonly DenoiserRow[]): number => rows.reduce((sum, { positions }) => sum + positions.length, 0);

/** Indices of the fillings that share a pass, ascending. */
function together(rows: readonly (readonly DenoiserRow[])[], waiting: readonly LocalFilling[]): number[] {
  const lengths = rows.map((some, i) => Math.max(1, ...some.map((row) => tokensOf(row, waiting[i]!))));
  const isCausal = (i: number): boolean => waiting[i]!.task.sampler === 'causal';
  const shapeOf = (i: number): number => (isCausal(i) ? 0 : Math.ceil(Math.log2(Math.max(16, lengths[i]!))));
  const chosen: number[] = [];
  let [longest, count, logits] = [0, 0, 0];
  for (const [i, some] of rows.entries()) {
    const next = {
      longest: Math.max(longest, lengths[i]!),
      count: count + some.length,
      logits: logits + positionsOf(some) * waiting[i]!.task.vocabulary,
    };
    const fits = shapeOf(i) === shapeOf(0) && next.logits <= MOST_LOGITS && next.longest * next.count <= MOST_TOKENS;
    if (i > 0 && !fits) continue;
    chosen.push(i);
    ({ longest, count, logits } = next);
  }
  return chosen;
}

/** Tokens that the next pass reads of a canvas. */
const tokensOf = ({ canvas, positions: [first] }: DenoiserRow, { task, begun }: LocalFilling): number =>
  task.sampler === 'causal' ? (begun ? 1 : first!) : canvas.length + task.ahead;

/** The rows of one filling with the masks that the model sees behind each. */
function lengthened(rows: readonly DenoiserRow[], { ahead, maskId }: FillTask): readonly DenoiserRow[] {
  if (ahead === 0) return rows;
  return rows.map((row) => {
    const canvas = new Int32Array(row.canvas.length + ahead).fill(maskId);
    canvas.set(row.canvas);
    return { ...row, canvas };
  });
}

/** A fault in one filling, such as a rule that no token meets, does not end the others. */
function outcomeOf(filling: LocalFilling, logits: Float32Array, tokens: number[]): StepOutcome {
  try {
    if (logits.length > 0) tokens.push(...filling.take(logits));
    return 'stepped';
  } catch (error) {
    return { error: faultOf(error) };
  }
}

export function faultOf(error: unknown): FillFault {
  const { message, code } = error as Error & { code?: string };
  return { message, ...(code !== undefined && { code }) };
}
