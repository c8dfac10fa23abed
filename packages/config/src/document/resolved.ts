import { mustBe } from '@mdiff/arguments';
import type { Issue } from '../checks/issue.js';
import { dotted, type Segment } from '../sections/keys.js';
import type { ProjectConfig, ProjectInput } from '../sections/types.js';
import { originText, type Source } from './layer.js';
import { commentsIn, markedSources, same } from './marks.js';
import { stackOf } from './record.js';
import { fileData } from './scalars.js';
import { readYaml } from './yaml.js';

type Fields = Record<string, unknown>;

/** The value of every canonical key, by key. */
export const valuesByKey = (config: ProjectConfig): Record<string, unknown> => {
  mustBe('valuesByKey', 'config', config, 'object');
  return Object.fromEntries([...stackOf(config)!].map(([key, entries]) => [key, entries.at(-1)!.value]));
};

/** Values by canonical key, as the input of `projectConfig` and `with`. */
export function inputOf(values: Readonly<Record<string, unknown>>): ProjectInput {
  mustBe('inputOf', 'values', values, 'object');
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
  mustBe('differences', 'asked', asked, 'object');
  mustBe('differences', 'recorded', recorded, 'object');
  const others = valuesByKey(recorded);
  return [...stackOf(asked)!].flatMap(([key, entries]) => {
    const entry = entries.at(-1)!;
    if (entry.kind === 'default' || same(entry.value, others[key])) return [];
    return [{ key, asked: entry.value, recorded: others[key], where: originText(entry) }];
  });
}

/** The layers in a `config.resolved.yaml`, lowest first. A value that the file marks as a default stays one, unless this release has another default. */
export function resolvedSources(text: string, file: string, issues: Issue[]): Source[] {
  const { tree, issues: faults } = readYaml(text, file);
  issues.push(...faults);
  if (tree === undefined) return [];
  const { data, issues: more, bad } = fileData(tree, {});
  issues.push(...more);
  const origins = commentsIn(text);
  const keyOf = (path: readonly Segment[]): string => dotted(path.slice(0, typeof path[1] === 'string' ? 2 : 1));
  const at: Source['at'] = (path, key) => ({ where: origins.get(keyOf(path)) ?? tree.at(path, key).where });
  return markedSources({ kind: 'file', data, bad, at }, origins);
}
