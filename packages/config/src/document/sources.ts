// eslint-disable-next-line @nx/enforce-module-boundaries -- the condition `browser` decides which file this is
import { atHome } from '#files';
import { readYaml, type Tree } from './yaml.js';
import { issueAt, type Issue, type Place } from '../checks/issue.js';
import { dotted, leafKeys, nodeAt, segments, takes, type Segment } from '../sections/keys.js';
import { readLayer, type Entry, type Source } from './layer.js';
import { markedSources, marksOf } from './marks.js';
import { presetLayers, presetNames } from './presets.js';
import { fileData, typed, type Env } from './scalars.js';
import { nearChoice, nearKey, quoted, shown } from '../checks/words.js';

/** Text of a file, or what was expected instead. The browser has no reader. */
export type Reader = (path: string) => { text: string } | { problem: string };

export interface Context {
  env: Env;
  read: Reader;
  issues: Issue[];
}

const isFile = (name: string): boolean => /^(\.{1,2}\/|\/)/.test(name) || /\.ya?ml$/.test(name);

/** Path of a file named in another, with `.` and `..` resolved as far as the text allows. */
function beside(file: string, name: string): string {
  const joined = name.startsWith('/') ? name : file.slice(0, file.lastIndexOf('/') + 1) + name;
  const parts: string[] = [];
  for (const part of joined.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..' && parts.at(-1) !== '') parts.pop();
    else if (part !== '.' && (part !== '' || parts.length === 0)) parts.push(part);
  }
  return parts.join('/');
}

/** A preset's layers, each placed where the preset was named. */
export function presetSources(name: string, place: Place, path: string, ctx: Context): Source[] {
  const layers = presetLayers(name);
  if (layers === undefined) {
    ctx.issues.push(
      issueAt(place, path, {
        code: 'E20',
        expected: 'a preset name or a file path',
        got: quoted(name),
        hint: nearChoice(name, presetNames),
      }),
    );
    return [];
  }
  return layers.map(({ preset, values }) => ({ kind: 'preset', preset, data: values, at: () => place }));
}

/** The layers that `extends` names, lowest first. */
export function extendSources(
  value: unknown,
  at: (path: readonly Segment[]) => Place,
  file: string,
  chain: readonly string[],
  ctx: Context,
): Source[] {
  const items = typeof value === 'string' ? [value] : Array.isArray(value) ? value : [];
  return items.flatMap((item: unknown, i) => {
    // The schema reports wrong types.
    if (typeof item !== 'string' || item === '' || items.length > 16) return [];
    const path: Segment[] = Array.isArray(value) ? ['extends', i] : ['extends'];
    const place = at(path);
    const name = atHome(item);
    if (!isFile(name)) return presetSources(item, place, dotted(path), ctx);
    const target = beside(file, name);
    const fail = (finding: { expected: string; got?: string }): Source[] => {
      ctx.issues.push(issueAt(place, dotted(path), { code: 'E20', ...finding }));
      return [];
    };
    if (chain.includes(target)) return fail({ expected: 'no cycle', got: [...chain.slice(chain.indexOf(target)), target].join(' -> ') });
    if (chain.length >= 8) return fail({ expected: 'a chain of at most 8 files', got: quoted(item) });
    const found = ctx.read(target);
    return 'problem' in found
      ? fail({ expected: found.problem, got: quoted(target) })
      : fileSources(found.text, target, chain, ctx).sources;
  });
}

/** A file's layer on top of what it extends. */
export function fileSources(text: string, file: string, chain: readonly string[], ctx: Context): { sources: Source[]; tree?: Tree } {
  const { tree, issues } = readYaml(text, file);
  ctx.issues.push(...issues);
  if (tree === undefined) return { sources: [] };
  const { data, issues: faults, bad } = fileData(tree, ctx.env);
  ctx.issues.push(...faults);
  const marks = marksOf(text, data);
  const extend = typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as { extends?: unknown }).extends : undefined;
  const lower = extendSources(extend, tree.at, file, [...chain, beside('', file)], ctx);
  const source: Source = { kind: 'file', data, bad, at: tree.at, written: tree.written };
  return { sources: [...lower, ...(marks === undefined ? [source] : markedSources(source, marks))], tree };
}

type Fields = Record<string, unknown>;

function assign(record: Fields, path: readonly Segment[], value: unknown): void {
  let node = record;
  for (const part of path.slice(0, -1)) {
    const next = node[part];
    node = (
      typeof next === 'object' && next !== null && !Array.isArray(next) ? next : (node[part] = Object.create(null) as Fields)
    ) as Fields;
  }
  node[path.at(-1)!] = value;
}

function unknownKey(path: readonly Segment[], place: Place, got: string, hint?: string): Issue {
  if (path[0] === 'extends')
    return issueAt(place, 'extends', {
      code: 'SCHEMA',
      expected: 'a key that is one value',
      got: '"extends"',
      hint: 'use --preset, or extends in a file',
    });
  // The error names the first part that the schema does not know.
  let known = 0;
  while (known < path.length && nodeAt(path.slice(0, known + 1)) !== undefined) known += 1;
  const parent = path.slice(0, known);
  const word = String(path[known] ?? path.at(-1));
  return issueAt(place, dotted(path), {
    code: 'SCHEMA',
    expected: 'a known key',
    got: quoted(got || word),
    hint: hint ?? nearKey(word, Object.keys(nodeAt(parent)?.properties ?? {}), parent),
  });
}

/** A value of `--set` or of the environment. A text is taken as it is, so quotes around it would become a part of it. */
function outside(text: string, path: readonly Segment[], place: Place): { value?: unknown; issues: Issue[] } {
  const node = nodeAt(path);
  if (node === undefined || !takes(node, 'string') || !/^(["']).*\1$/s.test(text)) return typed(text, path, place);
  const finding = { code: 'SCHEMA', expected: 'a text without quotes around it', got: shown(text), hint: 'text is taken as it is here' };
  return { issues: [issueAt(place, dotted(path), finding)] };
}

const prefix = 'MDIFF__';

const variableOf = (key: string): string => `${prefix}${key.toUpperCase().replaceAll('.', '__')}`;
const loose = (name: string): string => name.toUpperCase().replace(/_+/g, '_');

/** The variable of a key that differs from a name in underscores or case alone. */
const nearVariable = (name: string): { key: string; variable: string } | undefined => {
  const key = leafKeys().find((word) => word !== 'extends' && loose(variableOf(word)) === loose(name));
  return key === undefined ? undefined : { key, variable: variableOf(key) };
};

/** `MDIFF_TRAINING_MAX_STEPS` is not read, and without a word its value would seem to have no effect. */
function misnamed(env: Env): Issue[] {
  const names = Object.keys(env).filter((name) => /^mdiff_/i.test(name) && !name.startsWith(prefix));
  return names.sort().flatMap((name) => {
    const near = nearVariable(name);
    const text = near && `not read: the name of this variable is ${near.variable}`;
    return near ? [issueAt({ where: `env ${name}` }, near.key, { code: 'W11', severity: 'warning', text })] : [];
  });
}

/** The layer of `MDIFF__SECTION__KEY` variables. */
export function envSource(env: Env, issues: Issue[]): Source {
  issues.push(...misnamed(env));
  const data = Object.create(null) as Fields;
  const names = new Map<string, string>();
  const bad = new Set<string>();
  for (const name of Object.keys(env)
    .filter((word) => word.startsWith(prefix))
    .sort()) {
    const path = name.slice(prefix.length).toLowerCase().split('__');
    const place = { where: `env ${name}` };
    if (nodeAt(path) === undefined || path[0] === 'extends') {
      const near = nearVariable(name);
      issues.push(unknownKey(path, place, name, near && `did you mean ${near.variable}?`));
      continue;
    }
    const { value, issues: faults } = outside(env[name] ?? '', path, place);
    issues.push(...faults);
    if (faults.length > 0) bad.add(dotted(path));
    else {
      names.set(dotted(path), name);
      assign(data, path, value);
    }
  }
  const nameOf = (path: readonly Segment[]): string => {
    for (let i = path.length; i > 0; i -= 1) {
      const name = names.get(dotted(path.slice(0, i)));
      if (name !== undefined) return name;
    }
    return prefix;
  };
  return { kind: 'env', data, bad, at: (path) => ({ where: `env ${nameOf(path)}` }) };
}

export interface Patch {
  path: Segment[];
  value: unknown;
}

/** A value that a flag of its own gives, as `--temperature` does for `generation.temperature`. Messages name the flag and not the key. */
export interface FlagSetting {
  flag: string;
  /** `key.path=value` */
  set: string;
}

const atSet = (): Place => ({ where: '--set' });

/** The layer of `--set key=value` arguments, and those that change an item of the list of stages. */
export function setSource(args: readonly (string | FlagSetting)[], issues: Issue[]): { source: Source; patches: Patch[] } {
  const data = Object.create(null) as Fields;
  const bad = new Set<string>();
  const patches: Patch[] = [];
  const flags = new Map<string, Place>();
  const at = (path: readonly Segment[]): Place => flags.get(dotted(path)) ?? atSet();
  for (const given of args) {
    const arg = typeof given === 'string' ? given : given.set;
    const cut = arg.indexOf('=');
    const path = cut > 0 ? segments(arg.slice(0, cut).trim()) : undefined;
    if (path === undefined) {
      issues.push(issueAt(atSet(), '(argument)', { code: 'SCHEMA', expected: 'key.path=value', got: quoted(arg) }));
      continue;
    }
    if (nodeAt(path) === undefined || path[0] === 'extends') {
      issues.push(unknownKey(path, atSet(), ''));
      continue;
    }
    if (typeof given === 'string') flags.delete(dotted(path));
    else flags.set(dotted(path), { where: given.flag, flag: true });
    const { value, issues: faults } = outside(arg.slice(cut + 1), path, at(path));
    issues.push(...faults);
    if (faults.length > 0) bad.add(dotted(path));
    else if (path.some((part) => typeof part === 'number')) patches.push({ path, value });
    else assign(data, path, value);
  }
  return { source: { kind: 'set', data, bad, at }, patches };
}

/** A list entry with single items replaced by `--set`; each part keeps its own place. */
export function patchEntry(base: Entry, key: string, patches: readonly Patch[], issues: Issue[], bad: Set<string>): Entry {
  const list = structuredClone(base.value) as Segment[];
  const depth = segments(key)!.length;
  const own = new Set<string>();
  for (const { path, value } of patches) {
    const index = path[depth] as number;
    if (index >= list.length) {
      issues.push(issueAt(atSet(), dotted(path), { code: 'SCHEMA', expected: `an index of 0 to ${list.length - 1}`, got: `${index}` }));
      continue;
    }
    let node = list as unknown as Record<Segment, unknown>;
    for (const part of path.slice(depth, -1)) node = node[part] as Record<Segment, unknown>;
    node[path.at(-1)!] = value;
    own.add(dotted(path));
  }
  const patched = (path: readonly Segment[]): boolean => path.some((_, i) => own.has(dotted(path.slice(0, i + 1))));
  const at = (path: readonly Segment[], word?: boolean): Place => (path.length === depth || patched(path) ? atSet() : base.at(path, word));
  const data = Object.create(null) as Fields;
  assign(data, segments(key)!, list);
  const layer = readLayer({ kind: 'set', data, at });
  for (const issue of layer.found) if (issue.where === '--set') issues.push(issue);
  for (const path of layer.bad) bad.add(path);
  return { value: list, kind: 'set', written: segments(key)!, at };
}
