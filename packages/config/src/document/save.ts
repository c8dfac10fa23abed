// eslint-disable-next-line @nx/enforce-module-boundaries -- the condition `browser` decides which file this is
import { yamlLibrary } from '#yaml';
import type { Document, Scalar, YAMLMap } from 'yaml';
import { parseTree, printed } from './yaml.js';
import { aliases, canonicalKeys, defaultOf, nodeAt, segments, type Segment } from '../sections/keys.js';
import { originText, readLayer, type Entry } from './layer.js';
import { header, isMarked, same } from './marks.js';
import { stackOf } from './record.js';
import type { Env } from './scalars.js';
import { envSource, fileSources, presetSources, type Reader } from './sources.js';
import { merge, type Stack } from './stack.js';
import type { ProjectConfig, ProjectValues } from '../sections/types.js';
import { kindOf, plain } from '../checks/words.js';

/** The text a configuration was loaded from, and what is needed to read it again. */
export interface Origin {
  text: string;
  file: string;
  env: Env;
  read: Reader;
  /** the preset under the file */
  preset: string | undefined;
}

/** A `${` in a value must not be taken for a reference. */
const escaped = (text: string): string => text.replaceAll('${', () => '$${');

/** A plain string where YAML 1.1 and 1.2 both read it as that string, else a quoted one. */
export function scalarText(value: unknown): string {
  if (typeof value === 'number') return plain(value);
  if (typeof value !== 'string') return String(value);
  const safe = /^[A-Za-z][A-Za-z0-9_./ -]*$/.test(value) && !value.endsWith(' ');
  // JSON is YAML.
  return safe && yamlLibrary().parse(value, { version: '1.1' }) === value ? value : JSON.stringify(escaped(value));
}

function valueText(value: unknown, indent: string): string {
  if (!Array.isArray(value)) return scalarText(value);
  if (value.every((item) => typeof item !== 'object' || item === null)) return `[${value.map(scalarText).join(', ')}]`;
  return value
    .map(
      (item: Record<string, unknown>) =>
        `\n${indent}- ${Object.entries(item)
          .map(([word, part]) => `${word}: ${valueText(part, '')}`)
          .join(`\n${indent}  `)}`,
    )
    .join('');
}

const at = (record: unknown, path: readonly Segment[]): unknown =>
  path.reduce((node, part) => (node as Record<Segment, unknown>)[part], record);

/** Every canonical key as YAML, each with `comment(key)` behind it. */
export function listing(config: ProjectValues, comment: (key: string) => string): string {
  const lines: string[] = [];
  let section = '';
  for (const key of canonicalKeys) {
    const [first, word] = key.split('.') as [string, string?];
    if (word !== undefined && first !== section) lines.push('', `${first}:`);
    section = word === undefined ? section : first;
    const indent = word === undefined ? '' : '  ';
    const text = valueText(at(config, segments(key)!), `${indent}  `);
    const note = `  # ${comment(key)}`;
    lines.push(text.startsWith('\n') ? `${indent}${word ?? first}:${note}${text}` : `${indent}${word ?? first}: ${text}${note}`);
  }
  return `${lines.join('\n')}\n`;
}

const typeAndDefault = (key: string): string => {
  const value = defaultOf(key);
  return `${kindOf(nodeAt(segments(key)!)!)}; default ${key === 'curriculum.stages' ? 'three_stage' : valueText(value, '')}`;
};

/** The values the file alone gives, with the preset under it, in the environment it was loaded in. */
function alone(origin: Origin): Stack {
  const ctx = { env: origin.env, read: origin.read, issues: [] };
  const { sources } = fileSources(origin.text, origin.file, [], ctx);
  if (origin.preset !== undefined) sources.unshift(...presetSources(origin.preset, { where: '--preset' }, 'extends', ctx));
  // `MDIFF__…` is left out, so that the saved file takes in the values it changed.
  return merge([...sources, envSource({}, [])].map((source) => readLayer(source).entries));
}

// Keeps the node, and with it its comment; a number's old notation and a string's old quotes no longer fit.
function setScalar(node: Scalar, value: unknown): void {
  const { QUOTE_DOUBLE, QUOTE_SINGLE, PLAIN } = yamlLibrary().Scalar;
  node.value = value;
  node.source = undefined;
  node.format = undefined;
  node.minFractionDigits = undefined;
  if (typeof value !== 'string') node.type = undefined;
  else {
    const text = scalarText(value);
    node.value = escaped(value);
    node.type = text.startsWith('"') ? QUOTE_DOUBLE : node.type === QUOTE_SINGLE || node.type === QUOTE_DOUBLE ? node.type : PLAIN;
  }
}

function write(doc: Document, path: readonly Segment[], value: unknown): void {
  const { isMap, isScalar, isSeq } = yamlLibrary();
  const node = doc.getIn(path, true);
  if (isScalar(node) && (typeof value !== 'object' || value === null)) return setScalar(node, value);
  if (isSeq(node) && Array.isArray(value) && node.items.length === value.length) {
    value.forEach((item: unknown, i) => {
      if (!same((node.toJS(doc) as unknown[])[i], item)) write(doc, [...path, i], item);
    });
    return;
  }
  if (isMap(node) && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [word, item] of Object.entries(value)) if (!same(at(node.toJS(doc), [word]), item)) write(doc, [...path, word], item);
    return;
  }
  // A section that is missing, or stands there empty, becomes a map; block style reads best in a file people edit.
  for (let i = 1; i < path.length; i += 1) {
    const above = doc.getIn(path.slice(0, i), true);
    if (!isMap(above) && !isSeq(above)) doc.setIn(path.slice(0, i), doc.createNode({}));
  }
  const fresh = parseTree(`v: ${valueText(value, '  ')}`).doc.contents as unknown as YAMLMap;
  doc.setIn(path, fresh.get('v', true));
}

/** Puts the preset that the command line named under what the file extends. */
function extendBy(doc: Document, preset: string): void {
  const named = (doc.toJS() as { extends?: string | string[] | null } | null)?.extends ?? [];
  const items = [preset, ...(typeof named === 'string' ? [named] : named)];
  doc.set('extends', items.length === 1 ? preset : doc.createNode(items, { flow: true }));
}

function edited(config: ProjectConfig, origin: Origin): string {
  const doc = parseTree(origin.text).doc as unknown as Document;
  // A file that holds just `null` or `~` is an empty configuration.
  if (!yamlLibrary().isMap(doc.contents)) doc.contents = doc.createNode({});
  const before = alone(origin);
  const names = new Map(Object.entries(aliases).map(([alias, canonical]) => [canonical, alias]));
  const marked = isMarked(origin.text);
  let changed = false;
  if (origin.preset !== undefined) {
    extendBy(doc, origin.preset);
    changed = true;
  }
  for (const [key, entries] of stackOf(config)!) {
    const [entry, old] = [entries.at(-1)!, before.get(key)!.at(-1)!];
    // A default that follows another key goes on doing so. A value set to its default is written all the same: some rules ask who set a value.
    if (entry.kind === 'default' || (same(entry.value, old.value) && old.kind !== 'default')) continue;
    changed = true;
    const alias = names.get(key);
    // Both spellings may stand in the file; they must go on agreeing.
    const places = [key, ...(alias ? [alias] : [])].filter((name) => doc.hasIn(segments(name)!));
    for (const name of places.length > 0 ? places : [key]) {
      write(doc, segments(name)!, entry.value);
      const node = doc.getIn(segments(name)!, true);
      if (marked && yamlLibrary().isScalar(node)) node.comment = undefined;
    }
  }
  return changed ? printed(doc) : origin.text;
}

/** The origin of a value, unless a person set it, then its key's type and default. */
function comment(entry: Entry, key: string): string {
  const mark = entry.kind === 'default' || entry.preset !== undefined ? `${originText(entry)}; ` : '';
  return mark + typeAndDefault(key);
}

/** The text that `saveYaml` writes: the loaded file with only the changed values replaced, or every key with its origin, type and default. */
export function saveText(config: ProjectConfig, origin?: Origin): string {
  if (origin) return edited(config, origin);
  const stack = stackOf(config)!;
  return `${header}\n${listing(config as ProjectValues, (key) => comment(stack.get(key)!.at(-1)!, key))}`;
}
