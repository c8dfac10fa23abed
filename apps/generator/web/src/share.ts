// A link that holds the text, the settings and the seed. All of it stands behind the #, which browsers send to no server.
import { sampling } from '@mdiff/config/sampling';
import type { Placed, SamplerName, Settings } from './settings.js';

export interface Shared {
  readonly text: string;
  readonly settings: Settings;
  readonly placed: readonly Placed[];
  readonly model?: string;
  readonly tab?: 'write' | 'read';
  /** the other side of a comparison */
  readonly compare?: { readonly seed?: number; readonly model?: string };
}

const MOST_TEXT = 20_000;

export function fragmentOf({ text, settings, placed, model, tab, compare }: Shared): string {
  const fields = new URLSearchParams();
  const set = (name: string, value: string | number | undefined): void => {
    if (value !== undefined && value !== '') fields.set(name, String(value));
  };
  set('text', text.slice(0, MOST_TEXT));
  set('model', model);
  for (const [name, value] of Object.entries(settings)) set(name, value as string | number | undefined);
  for (const { at, word } of placed) if (word.trim() !== '') fields.append('place', `${at}:${word}`);
  if (tab === 'read') set('tab', tab);
  if (compare) {
    fields.set('compare', '1');
    set('seed2', compare.seed);
    set('model2', compare.model);
  }
  return `#${fields}`;
}

/** What a link holds; values that are out of range are left out, because anybody can write a link. */
export function sharedOf(fragment: string): Shared | null {
  const fields = new URLSearchParams(fragment.replace(/^#/, ''));
  if ([...fields].length === 0) return null;
  const number = (name: string, least: number, most: number, whole = true): number | undefined => {
    const value = Number(fields.get(name) ?? Number.NaN);
    return value >= least && value <= most && (!whole || Number.isInteger(value)) ? value : undefined;
  };
  const names: readonly string[] = sampling.sampler.range.enum;
  const sampler = fields.get('sampler') ?? '';
  const seedOf = (name: string): number | undefined => number(name, 0, sampling.seed.range.maximum);
  const settings = {
    length: number('length', 1, sampling.max_length.range.maximum),
    steps: number('steps', 1, sampling.num_steps.range.maximum),
    temperature: number('temperature', 0, sampling.temperature.range.maximum, false),
    sampler: names.includes(sampler) ? (sampler as SamplerName) : undefined,
    block: number('block', 0, sampling.block_length.range.maximum),
    seed: seedOf('seed'),
  };
  const placed = fields
    .getAll('place')
    .slice(0, 16)
    .flatMap((entry): Placed[] => {
      const [, at, word] = /^(\d{1,5}):(.{1,64})$/s.exec(entry) ?? [];
      return word === undefined ? [] : [{ at: Number(at), word }];
    });
  const model = fields.get('model')?.slice(0, 256);
  const other = { ...defined({ seed: seedOf('seed2') }), ...defined({ model: fields.get('model2')?.slice(0, 256) }) };
  return {
    text: (fields.get('text') ?? '').slice(0, MOST_TEXT),
    settings: defined(settings),
    placed,
    ...(model !== undefined && { model }),
    ...(fields.get('tab') === 'read' && { tab: 'read' as const }),
    ...(fields.get('compare') === '1' && { compare: other }),
  };
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
const defined = <T extends object>(value: T): Defined<T> =>
  Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Defined<T>;
