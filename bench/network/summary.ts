import { median } from '../shared/median.js';
import type { Contender } from './ranks.js';

// From turns to rows. Ratios are taken within a round and a link, so that a slow moment of the machine slows both sides.

export interface Turn {
  round: number;
  /** Gb/s; 0: unshaped */
  link: number;
  /** one: a rank without others; both: two of them at once, that share nothing but the machine; ranks: two that exchange; exchange: without computing */
  kind: 'one' | 'both' | 'ranks' | 'exchange';
  passes: number;
  exchange?: string;
  numbers?: number;
  /** of a step */
  ms: number;
  cpu_ms: number;
}

export interface Row {
  engine: string;
  link_gbit: number;
  passes: number;
  exchange: string;
  step_ms: number;
  tokens_per_s: number;
  one_tokens_per_s: number;
  /** tokens/s of two ranks over those of one, the other core idle or with other work */
  speedup: number;
  /** tokens/s over those of two ranks that exchange nothing and run at the same time */
  efficiency: number;
  /** processor time of a rank in a step, and of one that exchanges nothing */
  cpu_ms: number;
  one_cpu_ms: number;
}

export interface ExchangeRow {
  link_gbit: number;
  exchange: string;
  numbers: number;
  ms: number;
  cpu_ms: number;
}

const fixed = (value: number, digits: number): number => Number(value.toFixed(digits));

export function summarise(
  { name }: Pick<Contender, 'name'>,
  turns: readonly Turn[],
  { tokens }: { tokens: number },
): { rows: Row[]; exchange: ExchangeRow[] } {
  const keys = (kind: Turn['kind']): Turn[] => [
    ...new Map(turns.filter((turn) => turn.kind === kind).map((turn) => [keyOf(turn), turn])).values(),
  ];
  const same = (one: Turn): Turn[] => turns.filter((turn) => turn.kind === one.kind && keyOf(turn) === keyOf(one));
  const partner = (turn: Turn, kind: Turn['kind']): Turn =>
    turns.find((other) => other.kind === kind && other.round === turn.round && other.link === turn.link && other.passes === turn.passes)!;
  const rows = keys('ranks').map((key): Row => {
    const own = same(key);
    const over = (value: (turn: Turn) => number): number => median(own.map(value));
    const ms = over((turn) => turn.ms);
    const tokensOf = (count: number, milliseconds: number): number => Math.round((count * key.passes * tokens * 1000) / milliseconds);
    return {
      engine: name,
      link_gbit: key.link,
      passes: key.passes,
      exchange: key.exchange!,
      step_ms: fixed(ms, 1),
      tokens_per_s: tokensOf(2, ms),
      one_tokens_per_s: tokensOf(
        1,
        over((turn) => partner(turn, 'one').ms),
      ),
      speedup: fixed(
        over((turn) => (2 * partner(turn, 'one').ms) / turn.ms),
        3,
      ),
      efficiency: fixed(
        over((turn) => partner(turn, 'both').ms / turn.ms),
        3,
      ),
      cpu_ms: fixed(
        over((turn) => turn.cpu_ms),
        1,
      ),
      one_cpu_ms: fixed(
        over((turn) => partner(turn, 'one').cpu_ms),
        1,
      ),
    };
  });
  const exchange = keys('exchange').map((key): ExchangeRow => ({
    link_gbit: key.link,
    exchange: key.exchange!,
    numbers: key.numbers!,
    ms: fixed(median(same(key).map(({ ms }) => ms)), 2),
    cpu_ms: fixed(median(same(key).map(({ cpu_ms }) => cpu_ms)), 2),
  }));
  return { rows, exchange };
}

const keyOf = ({ link, passes, exchange, numbers }: Turn): string => [link, passes, exchange, numbers].join();

/** Rows as lines of text. */
export function tableOf(rows: readonly Row[]): string {
  const head = [
    'engine',
    'link',
    'passes',
    'exchange',
    'ms/step',
    'tokens/s',
    '× one rank',
    'efficiency',
    'processor ms',
    'of one',
    '× by processor',
  ];
  const body = rows.map((row) => [
    row.engine,
    row.link_gbit === 0 ? 'unshaped' : `${row.link_gbit} Gb/s`,
    String(row.passes),
    row.exchange,
    row.step_ms.toFixed(0),
    String(row.tokens_per_s),
    row.speedup.toFixed(2),
    row.efficiency.toFixed(2),
    row.cpu_ms.toFixed(0),
    row.one_cpu_ms.toFixed(0),
    ((2 * row.one_cpu_ms) / row.cpu_ms).toFixed(2),
  ]);
  const lines = [head, ...body];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const left = new Set([0, 1, 3]);
  return lines
    .map((line) =>
      line.map((cell, column) => (left.has(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  '),
    )
    .join('\n');
}
