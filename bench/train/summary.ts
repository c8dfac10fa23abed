import type { Phases } from '@mdiff/engine';
import { median } from '../shared/median.js';

// Arithmetic of the comparison: medians over rounds, and ratios taken within a round, so that a slow moment of the machine slows both sides.

export interface Turn {
  steps: number;
  ms: number;
}

/** The measurements of one engine at one size. `turns[r]` is its turn of round r. */
export interface Measured {
  engine: string;
  ours: boolean;
  bf16: boolean;
  turns: Turn[];
  loss: number;
  peak_mb: number;
  startup_s: number;
  startup?: Phases;
}

export interface Row {
  size: string;
  engine: string;
  tokens_per_s: number;
  ratio_to_best_peer: number | null;
  ratio_to_torch_eager: number | null;
  ratio_to_torch_compile: number | null;
  peak_memory_mb: number;
  /** from starting the process to the end of the first step */
  startup_s: number;
  /** of which, in our engines; the rest is Node, reading sources and the first step itself */
  trace_s: number | null;
  lower_s: number | null;
  load_s: number | null;
  step_ms: number;
  gflops: number;
  share_of_peak: number | null;
  loss: number;
}

export interface Peaks {
  fp32: number | null;
  bf16: number | null;
}

const perStep = ({ steps, ms }: Turn): number => ms / steps;
const stepMs = ({ turns }: Measured): number => median(turns.map(perStep));

/** Median over rounds of how many times as fast as `other` this is. */
export const ratio = (one: Measured, other: Measured): number =>
  median(one.turns.map((turn, round) => perStep(other.turns[round]!) / perStep(turn)));

const fastest = (among: readonly Measured[]): Measured | undefined => [...among].sort((a, b) => stepMs(a) - stepMs(b))[0];

/**
 * The rows of one size. The best peer is the fastest of all peers, in whatever precision; PyTorch eager and `torch.compile`
 * are the faster of their two attentions, in float32. GF/s count matrix products only; their share is of the products' own
 * peak in the same precision and run.
 */
export function rowsOf(
  size: string,
  measured: readonly Measured[],
  { tokens, flops, peaks }: { tokens: number; flops: number; peaks: Peaks },
): Row[] {
  const best = fastest(measured.filter(({ ours }) => !ours));
  const named = (start: string): Measured | undefined => fastest(measured.filter(({ engine }) => engine.startsWith(start)));
  const [eager, compiled] = [named('torch_eager_fp32'), named('torch_compile_fp32')];
  return measured.map((one) => {
    const ms = stepMs(one);
    const gflops = flops / ms / 1e6;
    const peak = one.bf16 ? peaks.bf16 : peaks.fp32;
    const against = (other: Measured | undefined): number | null => (other ? round(ratio(one, other), 3) : null);
    return {
      size,
      engine: one.engine,
      tokens_per_s: Math.round((tokens * 1000) / ms),
      ratio_to_best_peer: against(best),
      ratio_to_torch_eager: against(eager),
      ratio_to_torch_compile: against(compiled),
      peak_memory_mb: Math.round(one.peak_mb),
      startup_s: round(one.startup_s, 2),
      ...phasesOf(one.startup),
      step_ms: round(ms, 2),
      gflops: Math.round(gflops),
      share_of_peak: peak === null ? null : round(gflops / peak, 3),
      loss: one.loss,
    };
  });
}

/** Tracing is recording and simplifying, loading is the library and what it makes of the file. */
function phasesOf(startup: Phases | undefined): Pick<Row, 'trace_s' | 'lower_s' | 'load_s'> {
  const seconds = (...phases: (keyof Phases)[]): number | null =>
    startup ? round(phases.reduce((sum, phase) => sum + startup[phase], 0) / 1000, 2) : null;
  return { trace_s: seconds('trace', 'optimize'), lower_s: seconds('lower'), load_s: seconds('library', 'load') };
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/** Losses of the first steps against the reference's: the largest relative difference. */
export function lossError(losses: readonly number[], reference: readonly number[]): number {
  return Math.max(...reference.map((value, step) => Math.abs((losses[step] ?? NaN) - value) / Math.abs(value)));
}

/** Rows as lines of text, fastest first. */
export function tableOf(rows: readonly Row[]): string {
  const number = (value: number | null, digits: number): string => (value === null ? '–' : value.toFixed(digits));
  const share = (value: number | null): string => (value === null ? '–' : `${(value * 100).toFixed(0)} %`);
  const head = [
    'size',
    'engine',
    'tokens/s',
    '× best peer',
    '× torch eager',
    '× torch compile',
    'ms/step',
    'GF/s',
    'of peak',
    'MB',
    'start-up s',
    'trace',
    'lower',
    'load',
  ];
  const body = [...rows]
    .sort((a, b) => b.tokens_per_s - a.tokens_per_s)
    .map((row) => [
      row.size,
      row.engine,
      String(row.tokens_per_s),
      number(row.ratio_to_best_peer, 2),
      number(row.ratio_to_torch_eager, 2),
      number(row.ratio_to_torch_compile, 2),
      number(row.step_ms, 1),
      String(row.gflops),
      share(row.share_of_peak),
      String(row.peak_memory_mb),
      number(row.startup_s, 1),
      number(row.trace_s, 2),
      number(row.lower_s, 2),
      number(row.load_s, 2),
    ]);
  const lines = [head, ...body];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) => line.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  '))
    .join('\n');
}
