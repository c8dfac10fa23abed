import { canonicalKeys, defaultOf, dotted, segments, shapeKeys, type Segment } from '../sections/keys.js';
import { seeEntry, sound, type Entries, type Entry } from './layer.js';
import { issueAt, placeText, type Finding, type Issue } from '../checks/issue.js';
import type { MemoryOptions } from '../formulas/memory.js';
import { sampling } from '../sections/sampling.js';

/** Every value given for a key, lowest layer first; the first is the default. */
export type Stack = ReadonlyMap<string, readonly Entry[]>;

/** The input of the rules: merged values, the origin of each, and the paths that already have an error. */
export interface View {
  stack: Stack;
  bad: ReadonlySet<string>;
  /** measured numbers of the engine that would run here; without them the memory estimate is the formula's lower bound */
  memory?: MemoryOptions | undefined;
}

const atDefault = () => ({ where: 'default' });

/** These defaults follow another key until they are set, so that a small model needs no second edit. */
export const follows: readonly [string, string, number][] = [
  ['generation.max_length', 'model.max_seq_len', sampling.max_length.default],
  ['data.max_sentence_length', 'model.max_seq_len', 512],
  ['data.min_sentence_length', 'data.max_sentence_length', 10],
  ['training.min_learning_rate', 'training.learning_rate', 0.00002],
];

/** Merges layers (lowest first) over the defaults, or over `base`, then lets defaults follow. */
export function merge(layers: readonly Entries[], base?: Stack): Stack {
  const stack = new Map<string, Entry[]>();
  for (const key of canonicalKeys) {
    const start: Entry = { value: defaultOf(key), kind: 'default', written: segments(key)!, at: atDefault };
    stack.set(key, [start, ...(base?.get(key)?.slice(1) ?? [])]);
  }
  for (const layer of layers) for (const [key, entry] of layer) stack.get(key)!.push(entry);
  for (const [key, leader, most] of follows) {
    const [given, ...above] = stack.get(key)!;
    const led = stack.get(leader)!.at(-1)!.value;
    if (above.length === 0) stack.set(key, [{ ...given!, value: Math.min(most, Number(led)) }]);
  }
  return stack;
}

export const entryOf = (view: View, key: string): Entry => view.stack.get(key)!.at(-1)!;
export const valueOf = (view: View, key: string): unknown => entryOf(view, key).value;
export const isSet = (view: View, key: string): boolean => entryOf(view, key).kind !== 'default';
/** Set by a person, not by a preset they named. */
export const isOwn = (view: View, key: string): boolean => isSet(view, key) && entryOf(view, key).kind !== 'preset';

/** A shape that a model folder decides, and that mdiff has not read yet: rules about it wait. */
export const awaitsFolder = (view: View, key: string): boolean =>
  shapeKeys.has(key) && valueOf(view, 'model.init_from') !== null && !isOwn(view, key);

/** True when none of the paths has an error. */
export const clear = (view: View, ...paths: string[]): boolean => paths.every((path) => sound(view.bad, path));

/** The text of a second place, for `; see …`. `inner` leads into a list value. */
export function seeKey(view: View, key: string, inner: readonly Segment[] = []): string {
  const entry = entryOf(view, key);
  if (inner.length === 0) return seeEntry(entry);
  const path = [...entry.written, ...inner];
  return placeText(entry.at(path), dotted(path));
}

/** An issue at a key's value, or at a value inside it. */
export function issueFor(view: View, key: string, finding: Finding, inner: readonly Segment[] = []): Issue {
  const entry = entryOf(view, key);
  const path = [...entry.written, ...inner];
  return issueAt(entry.at(path), dotted(path), { ...finding, preset: entry.preset });
}

const groups = ['env', '-', 'model folder', 'code', 'default'];

/** By file, line and column, the order people read in; then environment, model folder, code, defaults. */
export function inOrder(issues: readonly Issue[]): Issue[] {
  const group = (issue: Issue): number => (issue.line === undefined ? 1 + groups.findIndex((word) => issue.where.startsWith(word)) : 0);
  const file = (issue: Issue): string => (issue.line === undefined ? '' : issue.where.slice(0, -`:${issue.line}:${issue.column}`.length));
  const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...issues].sort(
    (a, b) => group(a) - group(b) || compare(file(a), file(b)) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
}
