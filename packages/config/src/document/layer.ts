// eslint-disable-next-line @nx/enforce-module-boundaries -- the condition `browser` decides which file this is
import { atHome } from '#files';
import { validate, type Failure } from '../generated/validator.js';
import { issueAt, placeText, type Finding, type Issue, type Place } from '../checks/issue.js';
import { aliases, dotted, isMapNode, nodeAt, segments, type Node, type Segment } from '../sections/keys.js';
import { count, expected, nearChoice, nearKey, nestedKey, plainValue, shown, textValue } from '../checks/words.js';
import { isPath, unexpanded } from './paths.js';

export type LayerKind = 'default' | 'preset' | 'file' | 'env' | 'set' | 'code';

/** A source of values, before it is read. */
export interface Source {
  kind: LayerKind;
  /** The preset's name, shown behind its values. */
  preset?: string;
  data: unknown;
  /** Paths that already have an error. */
  bad?: ReadonlySet<string>;
  /** Place of a value, or of its key. */
  at(path: readonly Segment[], key?: boolean): Place;
  /** The text of a plain scalar as a file has it: `007` for the number 7. */
  written?(path: readonly Segment[]): string | undefined;
}

/** One value of one layer. `written` is the path it was given under, which may be an alias. */
export interface Entry {
  value: unknown;
  kind: LayerKind;
  preset?: string;
  written: readonly Segment[];
  at(path: readonly Segment[], key?: boolean): Place;
}

export type Entries = Map<string, Entry>;

const pointer = (text: string, data: unknown): Segment[] => {
  let node = data;
  return text
    .split('/')
    .slice(1)
    .map((part) => {
      const word = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const step = Array.isArray(node) ? Number(word) : word;
      node = (node as Record<Segment, unknown>)[step];
      return step;
    });
};

const precedence = ['type', 'enum'];

function describe(failure: Failure, path: readonly Segment[], source: Source): { path: Segment[]; key: boolean; finding: Finding } {
  const { keyword, params, data } = failure;
  const node = failure.parentSchema as Node;
  const code = 'SCHEMA';
  if (keyword === 'additionalProperties') {
    const word = String(params.additionalProperty);
    return {
      path: [...path, word],
      key: true,
      finding: {
        code,
        expected: 'a known key',
        got: shown(word),
        hint: nestedKey(word, path) ?? nearKey(word, Object.keys(node.properties ?? {}), path),
      },
    };
  }
  if (keyword === 'required') {
    const word = String(params.missingProperty);
    return { path: [...path, word], key: false, finding: { code, expected: expected(node.properties![word]!), got: 'nothing' } };
  }
  if (keyword === 'uniqueItems') {
    const [a, b] = [Number(params.i), Number(params.j)].sort((x, y) => x - y) as [number, number];
    return { path: [...path], key: false, finding: { code, expected: 'each item once', got: `item ${b + 1} equal to item ${a + 1}` } };
  }
  if (keyword === 'minLength' || keyword === 'maxLength') {
    const what = node.pattern ? expected(node) : `a string of ${count(node, 'characters')} characters`;
    return { path: [...path], key: false, finding: { code, expected: what, got: shown(data) } };
  }
  if (keyword === 'minItems' || keyword === 'maxItems' || keyword === 'additionalItems') {
    return { path: [...path], key: false, finding: { code, expected: `a list of ${count(node, 'items')}`, got: shown(data) } };
  }
  const hint = (node.enum && nearChoice(data, node.enum)) ?? plainValue(data, node) ?? textValue(data, node, () => source.written?.(path));
  return { path: [...path], key: false, finding: { code, expected: expected(node), got: shown(data), hint } };
}

/** Schema errors of one layer, one per path. */
function schemaIssues(source: Source): { found: Issue[]; bad: Set<string> } {
  const bad = new Set<string>(source.bad);
  const found: Issue[] = [];
  if (validate(source.data)) return { found, bad };
  const failures = [...(validate.errors ?? [])].sort((a, b) => precedence.indexOf(b.keyword) - precedence.indexOf(a.keyword));
  // Only a stage has required keys, so `required` is reported at the stage.
  for (const failure of failures) {
    const { path, key, finding } = describe(failure, pointer(failure.instancePath, source.data), source);
    const text = dotted(path);
    if (bad.has(text)) continue;
    bad.add(text);
    const place = failure.keyword === 'required' ? source.at(path.slice(0, -1)) : source.at(path, key);
    found.push(issueAt(place, text || '(yaml)', { ...finding, preset: source.preset }));
  }
  return { found, bad };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function flatten(value: Record<string, unknown>, node: Node, path: Segment[], leaf: (path: Segment[], value: unknown) => void): void {
  for (const word of Object.keys(value)) {
    const child = node.properties && Object.hasOwn(node.properties, word) ? node.properties[word] : undefined;
    const at = [...path, word];
    const item = value[word];
    if (child === undefined || item === undefined) continue;
    if (isMapNode(child)) {
      if (isRecord(item)) flatten(item, child, at, leaf);
    } else leaf(at, item);
  }
}

/**
 * Checks one layer and brings its values to canonical keys. A key with an error is left out and named in `bad`, so that the rules that need it are skipped;
 * only stages stay, because their keys are judged one by one.
 */
export function readLayer(source: Source): { entries: Entries; found: Issue[]; bad: Set<string> } {
  const { found, bad } = schemaIssues(source);
  const entries: Entries = new Map();
  if (isRecord(source.data)) {
    flatten(source.data, nodeAt([])!, [], (path, value) => {
      const text = dotted(path);
      if (bad.has(text) || text === 'extends') return;
      if (text !== 'curriculum.stages' && [...bad].some((other) => other.startsWith(`${text}[`))) return;
      const place = typeof value === 'string' && isPath(nodeAt(path)) ? value : undefined;
      const fault = place === undefined ? undefined : unexpanded(place);
      if (fault !== undefined) {
        bad.add(text);
        found.push(issueAt(source.at(path), text, { ...fault, preset: source.preset }));
        return;
      }
      entries.set(text, {
        value: place === undefined ? value : atHome(place),
        kind: source.kind,
        ...(source.preset === undefined ? {} : { preset: source.preset }),
        written: path,
        at: source.at,
      });
    });
  }
  for (const [alias, canonical] of Object.entries(aliases)) {
    if (bad.has(alias)) bad.add(canonical);
    const given = entries.get(alias);
    if (given === undefined) continue;
    entries.delete(alias);
    const twin = entries.get(canonical);
    if (twin === undefined) {
      if (!bad.has(canonical)) entries.set(canonical, given);
    } else if (twin.value !== given.value) {
      bad.add(canonical);
      found.push(
        issueAt(twin.at(twin.written), canonical, {
          code: 'E1',
          expected: `the value of its alias ${alias} (${shown(given.value)})`,
          got: shown(twin.value),
          see: seeEntry(given),
          preset: source.preset,
        }),
      );
    }
  }
  return { entries, found, bad };
}

/** `example.yaml:11:16 hardware.max_vram_gb`, the second place of a message. */
export const seeEntry = (entry: Entry): string => placeText(entry.at(entry.written), dotted(entry.written));

/** `--set`, `default`, `preset model/nano`, `my.yaml:3:12`, `env MDIFF__…` */
export const originText = (entry: Entry): string => (entry.preset === undefined ? entry.at(entry.written).where : `preset ${entry.preset}`);

/** True when no error stands at the path, above it or below it. */
export function sound(bad: ReadonlySet<string>, path: string): boolean {
  const parts = segments(path)!;
  for (let i = 1; i <= parts.length; i += 1) if (bad.has(dotted(parts.slice(0, i)))) return false;
  return ![...bad].some((other) => other.startsWith(`${path}.`) || other.startsWith(`${path}[`));
}
