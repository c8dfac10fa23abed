import { mustBe } from '@mdiff/arguments';
import { aliases, canonicalKeys, dotted, nodeAt, segments } from '../sections/keys.js';
import { originText } from './layer.js';
import { header } from './marks.js';
import { stackOf } from './record.js';
import { ProjectConfigSchema } from '../sections/schema.js';
import { listing, scalarText } from './save.js';
import type { ProjectConfig, ProjectValues } from '../sections/types.js';
import { kindOf, nearChoice, quoted } from '../checks/words.js';

interface Described {
  description?: string;
  $comment?: string;
  properties?: Record<string, Described>;
  items?: Described | Described[];
}

/** The schema of a key with its prose; undefined for an unknown key. `stages[0]` and `stages[]` both lead to the items. */
export function described(key: string): Described | undefined {
  const path = segments(key.replaceAll('[]', '[0]'));
  if (path === undefined || nodeAt(path) === undefined) return undefined;
  return path.reduce<Described>(
    (node, part) => (typeof part === 'number' ? (Array.isArray(node.items) ? node.items[part]! : node.items!) : node.properties![part]!),
    ProjectConfigSchema as Described,
  );
}

/** The origin of every key's value. */
const originsOf = (config: ProjectConfig): [string, string][] =>
  [...stackOf(config)!].map(([key, entries]) => [key, originText(entries.at(-1)!)]);

const shortText = (value: unknown): string =>
  Array.isArray(value) && value.some((item) => typeof item === 'object')
    ? `${value.length} stages: ${value.map((item: { name: string }) => item.name).join(', ')}`
    : Array.isArray(value)
      ? `[${value.map(scalarText).join(', ')}]`
      : scalarText(value);

function usage(message: string): Error {
  return Object.assign(new Error(message), { code: 'MDIFF_KEY', exitCode: 2 });
}

/**
 * One line: value, origin, the values it hides with theirs, type and meaning. An alias is explained as the key it stands for.
 * @throws an error with code `MDIFF_KEY` for an unknown key
 */
export function explain(config: ProjectConfig, key: string): string {
  mustBe('explain', 'config', config, 'object');
  mustBe('explain', 'key', key, 'string');
  const canonical = aliases[key] ?? key;
  const stack = stackOf(config)!;
  const given = stack.get(canonical);
  if (given === undefined) {
    const inner = /^curriculum\.stages\[(\d+)\](?:\.(\w+))?$/.exec(canonical);
    if (inner && described(canonical) !== undefined) return explainStage(config, canonical);
    throw usage(
      `${key}: expected a known key, got ${quoted(key)}${[nearChoice(key, [...canonicalKeys, ...Object.keys(aliases)])]
        .filter(Boolean)
        .map((hint) => `; ${hint}`)
        .join('')}`,
    );
  }
  const [top, ...hidden] = [...given].reverse();
  const over = hidden.length === 0 ? [] : [`over ${hidden.map((entry) => `${shortText(entry.value)} (${originText(entry)})`).join(', ')}`];
  const head = `${canonical} = ${shortText(top!.value)} (${originText(top!)})`;
  const alias = canonical === key ? [] : [`${key} is an alias of it`];
  return [head, ...over, ...alias, kindOf(nodeAt(segments(canonical)!)!), described(canonical)!.description].join('; ');
}

/** The value and origin that a person set for a key in a lower layer, if the value in effect hides another one. */
export function overridden(config: ProjectConfig, key: string): { value: string; origin: string } | undefined {
  mustBe('overridden', 'config', config, 'object');
  mustBe('overridden', 'key', key, 'string');
  const [top, ...below] = [...stackOf(config)!.get(key)!].reverse();
  const entry = below.find(({ kind }) => kind !== 'default' && kind !== 'preset');
  if (entry === undefined || JSON.stringify(entry.value) === JSON.stringify(top!.value)) return undefined;
  return { value: shortText(entry.value), origin: originText(entry) };
}

/** The answer of {@link explain} as JSON; of a stage, its line. */
export function explainJson(config: ProjectConfig, key: string): string {
  mustBe('explainJson', 'config', config, 'object');
  mustBe('explainJson', 'key', key, 'string');
  const line = explain(config, key);
  const canonical = aliases[key] ?? key;
  const [top, ...over] = [...(stackOf(config)!.get(canonical) ?? [])]
    .reverse()
    .map((entry) => ({ value: entry.value, origin: originText(entry) }));
  const facts = { type: kindOf(nodeAt(segments(canonical)!)!), description: described(canonical)!.description };
  return `${JSON.stringify({ key: canonical, ...(top ? { ...top, over } : { text: line }), ...facts }, null, 2)}\n`;
}

function explainStage(config: ProjectConfig, key: string): string {
  const path = segments(key)!;
  const entry = stackOf(config)!.get('curriculum.stages')!.at(-1)!;
  let value: unknown = config;
  for (const part of path) value = (value as Record<string | number, unknown> | undefined)?.[part];
  if (value === undefined) throw usage(`${key}: expected an index of 0 to ${config.curriculum.stages.length - 1}`);
  const place = entry.preset === undefined ? entry.at(path).where : originText(entry);
  const text = typeof value === 'object' && !Array.isArray(value) ? `"${(value as { name: string }).name}"` : shortText(value);
  return [`${dotted(path)} = ${text} (${place})`, kindOf(nodeAt(path)!), described(key)!.description].filter(Boolean).join('; ');
}

/** `config.resolved.yaml`: every value with its origin; `facts` (tokenizer size, engine in use, …) stand as comments at the top. */
export function resolvedYaml(config: ProjectConfig, facts: Readonly<Record<string, string | number>> = {}): string {
  mustBe('resolvedYaml', 'config', config, 'object');
  mustBe('resolvedYaml', 'facts', facts, 'object');
  const origins = new Map(originsOf(config));
  const head = Object.entries(facts)
    .map(([name, value]) => `# ${name}: ${scalarText(value)}\n`)
    .join('');
  return `${head}${header}\n${listing(config as ProjectValues, (key) => origins.get(key)!)}`;
}

/** The same as JSON. The origins stand in the data, under `origins`. */
export const resolvedJson = (config: ProjectConfig): string => {
  mustBe('resolvedJson', 'config', config, 'object');
  return `${JSON.stringify({ ...config, origins: Object.fromEntries(originsOf(config)) }, null, 2)}\n`;
};

/** Every key whose value differs, as `key: before -> after`. */
export function diffConfigs(a: ProjectConfig, b: ProjectConfig): string[] {
  mustBe('diffConfigs', 'a', a, 'object');
  mustBe('diffConfigs', 'b', b, 'object');
  const [left, right] = [stackOf(a)!, stackOf(b)!];
  return canonicalKeys.flatMap((key) => {
    const [before, after] = [left.get(key)!.at(-1)!.value, right.get(key)!.at(-1)!.value];
    if (JSON.stringify(before) === JSON.stringify(after)) return [];
    if (key !== 'curriculum.stages') return [`${key}: ${shortText(before)} -> ${shortText(after)}`];
    return diffStages(before as object[], after as object[]);
  });
}

function diffStages(before: readonly object[], after: readonly object[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < Math.max(before.length, after.length); i += 1) {
    const [a, b] = [(before[i] ?? {}) as Record<string, unknown>, (after[i] ?? {}) as Record<string, unknown>];
    for (const word of Object.keys({ ...a, ...b })) {
      if (JSON.stringify(a[word]) === JSON.stringify(b[word])) continue;
      const show = (value: unknown): string => (value === undefined ? 'nothing' : shortText(value));
      lines.push(`curriculum.stages[${i}].${word}: ${show(a[word])} -> ${show(b[word])}`);
    }
  }
  return lines;
}
