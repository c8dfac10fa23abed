import { canonicalKeys, defaultOf, segments } from '../sections/keys.js';
import type { Source } from './layer.js';
import { presetLayers } from './presets.js';
import { follows } from './stack.js';

// A configuration that mdiff writes has every value, and its comments say which of them are defaults or come from a preset. mdiff reads these marks back,
// because some rules ask who set a value.

type Fields = Record<string, unknown>;

/** Stands in every text with marks. Comments of other files mean nothing to mdiff. */
export const header = '# Written by mdiff. Until you change it, a value marked "default" or "preset" counts as not set by you.';

const isRecord = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

export const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The value of a canonical key in plain data. */
const valueIn = (data: unknown, key: string): unknown =>
  segments(key)!.reduce<unknown>((node, part) => (isRecord(node) && Object.hasOwn(node, part) ? node[part] : undefined), data);

/** The comment behind each key of a text that `listing` wrote, also after `yaml` has printed it again. */
export function commentsIn(text: string): Map<string, string> {
  const comments = new Map<string, string>();
  let section = '';
  let above: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const opened = /^(\w+):$/.exec(line)?.[1];
    if (opened !== undefined) section = `${opened}.`;
    const [, indent, word, comment] = /^( {0,2})(\w+):(?:.* +# (.*))?$/.exec(line) ?? [];
    // `yaml` moves the comment of a list to the line below its key.
    const moved = /^ +# (.*)$/.exec(line)?.[1];
    if (moved !== undefined && above !== undefined) comments.set(above, moved);
    above = word === undefined ? undefined : `${indent === '' ? '' : section}${word}`;
    if (above !== undefined && comment !== undefined) comments.set(above, comment);
  }
  return comments;
}

export const isMarked = (text: string): boolean => text.split(/\r?\n/).includes(header);

/** The marks of a text by key: `default`, `preset model/micro`. Undefined for a text without marks. JSON has them under `origins`, which is taken out. */
export function marksOf(text: string, data: unknown): ReadonlyMap<string, string> | undefined {
  if (isRecord(data) && isRecord(data.origins) && Object.values(data.origins).every((item) => typeof item === 'string')) {
    const marks = new Map(Object.entries(data.origins as Record<string, string>));
    Reflect.deleteProperty(data, 'origins');
    return marks;
  }
  return isMarked(text) ? commentsIn(text) : undefined;
}

/** The default of a key in these values; some defaults follow another key. */
function defaultIn(data: unknown, key: string): unknown {
  const [, leader, most] = follows.find(([follower]) => follower === key) ?? [];
  if (leader === undefined) return defaultOf(key);
  return Math.min(most!, Number(valueIn(data, leader) ?? defaultIn(data, leader)));
}

/**
 * The layers of a file with marks, lowest first. A mark counts only while the value is the one that it names in this release: a changed value,
 * and one that was a default of an earlier release, is set by the file.
 */
export function markedSources(source: Source, marks: ReadonlyMap<string, string>): Source[] {
  const presets = new Map<string, Fields>();
  const gone: string[] = [];
  for (const key of canonicalKeys) {
    const value = valueIn(source.data, key);
    const [, mark, preset] = /^(default|preset ([\w/]+))(?:;|$)/.exec(marks.get(key) ?? '') ?? [];
    if (value === undefined || mark === undefined) continue;
    if (preset === undefined) {
      if (same(value, defaultIn(source.data, key))) gone.push(key);
    } else if (presetLayers(preset)?.some((layer) => layer.preset === preset && same(valueIn(layer.values, key), value))) {
      gone.push(key);
      const data = presets.get(preset) ?? {};
      presets.set(preset, data);
      const [first, word] = key.split('.') as [string, string?];
      if (word === undefined) data[first] = value;
      else data[first] = { ...(data[first] as Fields | undefined), [word]: value };
    }
  }
  for (const key of gone) {
    const path = segments(key)!;
    const holder = path.length === 1 ? source.data : (source.data as Fields)[path[0]!];
    Reflect.deleteProperty(holder as Fields, path.at(-1)!);
  }
  return [...[...presets].map(([preset, data]): Source => ({ kind: 'preset', preset, data, at: source.at })), source];
}
