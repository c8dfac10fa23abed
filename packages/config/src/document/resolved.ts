import type { Issue } from '../checks/issue.js';
import { canonicalKeys, defaultOf, dotted, segments, type Segment } from '../sections/keys.js';
import type { ProjectConfig, ProjectInput } from '../sections/types.js';
import { originText } from './explain.js';
import type { Source } from './layer.js';
import { stackOf } from './record.js';
import { fileData } from './scalars.js';
import { follows } from './stack.js';
import { readYaml } from './yaml.js';

type Fields = Record<string, unknown>;

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The value of every canonical key, by key. */
export const valuesByKey = (config: ProjectConfig): Record<string, unknown> =>
  Object.fromEntries([...stackOf(config)!].map(([key, entries]) => [key, entries.at(-1)!.value]));

/** Values by canonical key, as the input of `projectConfig` and `with`. */
export function inputOf(values: Readonly<Record<string, unknown>>): ProjectInput {
  const input: Fields = {};
  for (const [key, value] of Object.entries(values)) {
    const [first, word] = key.split('.') as [string, string?];
    if (word === undefined) input[first] = value;
    else input[first] = { ...(input[first] as Fields | undefined), [word]: value };
  }
  return input as ProjectInput;
}

/** A key that one configuration sets to another value than a second one has. */
export interface Difference {
  key: string;
  asked: unknown;
  recorded: unknown;
  /** the place of the setting: `--set`, `my.yaml:3:12`, `preset book` */
  where: string;
}

/** Every key that a layer of `asked` sets and whose value differs from that of `recorded`. */
export function differences(asked: ProjectConfig, recorded: ProjectConfig): Difference[] {
  const others = valuesByKey(recorded);
  return [...stackOf(asked)!].flatMap(([key, entries]) => {
    const entry = entries.at(-1)!;
    if (entry.kind === 'default' || same(entry.value, others[key])) return [];
    return [{ key, asked: entry.value, recorded: others[key], where: originText(entry) }];
  });
}

/** The comment behind each key: the origin of its value. */
function originsIn(text: string): Map<string, string> {
  const origins = new Map<string, string>();
  let section = '';
  for (const line of text.split('\n')) {
    const header = /^(\w+):$/.exec(line)?.[1];
    if (header !== undefined) section = `${header}.`;
    const [, indent, word, origin] = /^( {0,2})(\w+):.* {2}# (.*)$/.exec(line) ?? [];
    if (word !== undefined) origins.set(`${indent === '' ? '' : section}${word}`, origin!);
  }
  return origins;
}

/** The layer in a `config.resolved.yaml`. A value that the file marks as a default stays one, unless this release has another default. */
export function resolvedSource(text: string, file: string, issues: Issue[]): Source | undefined {
  const { tree, issues: faults } = readYaml(text, file);
  issues.push(...faults);
  if (tree === undefined) return undefined;
  const { data, issues: more, bad } = fileData(tree, {});
  issues.push(...more);
  const origins = originsIn(text);
  const isDefault = (key: string, value: unknown): boolean =>
    origins.get(key) === 'default' && (same(value, defaultOf(key)) || follows.some(([follower]) => follower === key));
  for (const key of canonicalKeys) {
    const path = segments(key)!;
    const holder = path.slice(0, -1).reduce<unknown>((node, part) => (node as Fields | null | undefined)?.[part], data);
    const word = String(path.at(-1));
    if (typeof holder === 'object' && holder !== null && isDefault(key, (holder as Fields)[word])) Reflect.deleteProperty(holder, word);
  }
  const keyOf = (path: readonly Segment[]): string => dotted(path.slice(0, typeof path[1] === 'string' ? 2 : 1));
  return { kind: 'file', data, bad, at: (path, key) => ({ where: origins.get(keyOf(path)) ?? tree.at(path, key).where }) };
}
