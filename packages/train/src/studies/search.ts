// Ranges of a random search: `training.learning_rate=log:1e-4..3e-3`, `model.dropout=linear:0..0.2`, `training.batch_size=8,16`.
import { ConfigError, inputOf, valuesByKey } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { stream } from '@mdiff/diffusion';
import { MdiffError } from '@mdiff/folder';

export interface Search {
  key: string;
  /** the value for a draw from [0, 1) */
  at(draw: number): unknown;
}

/** Keys that would change the held-out text, the budget or the place of a trial. */
const FIXED =
  /^(data\.(source|val_source|format)|data_dir|output_dir|cache_dir|experiment_name|extends|seed|training\.(val_split|eval_max_tokens|max_steps|max_minutes|max_epochs|on_max_steps))$/;

const refused = (text: string, problem: string): MdiffError => new MdiffError('MDIFF_SEARCH', `--search ${text}: ${problem}`, 2);

const round = (value: number): number => Number(value.toPrecision(4));

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Reads one range and checks that the configuration takes its ends, or each of its choices. @throws MdiffError MDIFF_SEARCH */
export function parseSearch(text: string, config: ProjectConfig): Search {
  const [, key = '', range = ''] = /^\s*([^=]*?)\s*=(.*)$/s.exec(text) ?? [];
  if (range.trim() === '') throw refused(text, 'expected key=log:low..high, key=linear:low..high, or key=a,b,c');
  if (FIXED.test(key))
    throw refused(text, `${key} decides the held-out text, the budget or the place of a trial, so it cannot be searched`);
  if (!(key in valuesByKey(config))) throw refused(text, `expected a known key with one value, got "${key}"`);
  const take = (value: unknown): Error | undefined => {
    try {
      config.with(inputOf({ [key]: value }));
      return undefined;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error;
    }
  };
  const check = (value: unknown): void => {
    const error = take(value);
    if (error) throw refused(text, error.message.split('\n')[0]!.replace(/^code /, ''));
  };
  const [, kind, low, high] = /^\s*(log|linear):(.+)\.\.(.+)$/.exec(range) ?? [];
  if (kind === undefined) {
    if (/^\s*\w+:/.test(range)) throw refused(text, 'expected key=log:low..high, key=linear:low..high, or key=a,b,c');
    const choices = range.split(',').map((choice) => parsed(choice.trim()));
    choices.forEach(check);
    return { key, at: (draw) => choices[Math.floor(draw * choices.length)] };
  }
  const [from, to] = [Number(low), Number(high)];
  if (!Number.isFinite(from) || !Number.isFinite(to) || !(from < to))
    throw refused(text, `expected two numbers, the smaller first, got ${low}..${high}`);
  if (kind === 'log' && from <= 0) throw refused(text, `expected a lower end above 0 for log, got ${low}`);
  [from, to].forEach(check);
  const between = (draw: number): number => (kind === 'log' ? from * (to / from) ** draw : from + (to - from) * draw);
  const whole = Number.isInteger(from) && Number.isInteger(to) && take(round(between(0.37123))) !== undefined;
  // An integer key: each whole number of a linear range is as likely as another.
  if (whole) return { key, at: (draw) => (kind === 'log' ? Math.round(between(draw)) : from + Math.floor(draw * (to - from + 1))) };
  return { key, at: (draw) => round(between(draw)) };
}

/** The values of a trial. The same seed and trial draw the same, however many trials there are. */
export const drawTrial = (searches: readonly Search[], seed: number, trial: number): Record<string, unknown> =>
  Object.fromEntries(searches.map(({ key, at }) => [key, at(stream(seed, 'search', key, trial).next())]));
