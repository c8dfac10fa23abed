import { readYaml, toData, type Tree } from './yaml.js';
import { issueAt, type Issue, type Place } from '../checks/issue.js';
import { dotted, isMapNode, nodeAt, root, takes, type Node, type Segment } from '../sections/keys.js';

export type Env = Readonly<Record<string, string | undefined>>;

/** Types text from outside a file by the schema: string keys take it as it is, others read it as a YAML 1.2 value. Nothing else is coerced. */
export function typed(text: string, path: readonly Segment[], place: Place): { value?: unknown; issues: Issue[] } {
  const node = nodeAt(path);
  if (node === undefined || takes(node, 'string'))
    return { value: node && takes(node, 'null') && text === 'null' ? null : text, issues: [] };
  const { tree, issues } = readYaml(text, '', place, dotted(path));
  if (tree === undefined) return { issues };
  const data = convert(tree, (value) => value, place, dotted(path));
  return data.issues.length > 0 ? data : { value: data.value ?? (isMapNode(node) ? {} : null), issues: [] };
}

function convert(
  tree: Tree,
  scalar: (value: unknown, path: Segment[]) => unknown,
  place: Place,
  path: string,
): { value?: unknown; issues: Issue[] } {
  try {
    return { value: toData(tree, scalar), issues: [] };
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof ReferenceError)) throw error;
    return { issues: [issueAt(place, path, { code: 'YAML', expected: 'at most 20 aliases' })] };
  }
}

const reference = /\$\$\{|\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/** `training:` with nothing under it means no keys. */
function fillEmpty(data: unknown, node: Node): unknown {
  if (!isMapNode(node)) return data;
  if (data === null) return Object.create(null);
  if (typeof data !== 'object' || Array.isArray(data)) return data;
  const record = data as Record<string, unknown>;
  for (const word of Object.keys(record)) {
    const child = Object.hasOwn(node.properties!, word) ? node.properties![word]! : undefined;
    if (child && isMapNode(child)) record[word] = fillEmpty(record[word], child);
  }
  return record;
}

/** Data of a file's tree with `${env:NAME:-default}` replaced; the paths whose variable is missing are in `bad`. */
export function fileData(tree: Tree, env: Env): { data: unknown; issues: Issue[]; bad: Set<string> } {
  const issues: Issue[] = [];
  const bad = new Set<string>();
  const scalar = (value: unknown, path: Segment[]): unknown => {
    if (typeof value !== 'string' || !value.includes('${')) return value;
    let replaced = false;
    const missing: string[] = [];
    const text = value.replace(reference, (whole: string, name?: string, fallback?: string) => {
      if (name === undefined) return '${';
      replaced = true;
      const given = Object.hasOwn(env, name) ? env[name] : undefined;
      if (given === undefined && fallback === undefined) missing.push(name);
      return given ?? fallback ?? whole;
    });
    const place = tree.at(path);
    const fail = (more: Issue[]): undefined => {
      bad.add(dotted(path));
      issues.push(...more);
    };
    if (missing.length > 0)
      return fail([
        issueAt(place, dotted(path), { code: 'E19', expected: `environment variable ${missing[0]} to be set`, got: 'nothing' }),
      ]);
    if (!replaced) return text;
    const result = typed(text, path, place);
    return result.issues.length > 0 ? fail(result.issues) : result.value;
  };
  const result = convert(tree, scalar, { ...tree.at([]) }, '(yaml)');
  return { data: fillEmpty(result.value ?? null, root), issues: [...issues, ...result.issues], bad };
}
