import { schema } from '../generated/validator.js';

/** A node of the JSON Schema, without prose. */
export interface Node {
  type?: string | string[];
  properties?: Record<string, Node>;
  items?: Node | Node[];
  enum?: readonly (string | number)[];
  required?: string[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  pattern?: string;
}

export type Segment = string | number;

export const root = schema as Node;

/** Alias → the canonical key it stands for. Aliases are read, never written. */
export const aliases: Readonly<Record<string, string>> = {
  mixed_precision: 'training.use_mixed_precision',
  gradient_checkpointing: 'training.use_gradient_checkpointing',
  'training.grad_clip_norm': 'training.max_grad_norm',
  'data.complexity_weights.lexical': 'curriculum.lexical_weight',
  'data.complexity_weights.syntactic': 'curriculum.syntactic_weight',
  'data.complexity_weights.centrality': 'curriculum.centrality_weight',
};

/** The sections, in the order of the file. */
export const sections = ['hardware', 'model', 'tokenizer', 'data', 'curriculum', 'training', 'generation'] as const;
export type SectionName = (typeof sections)[number];

/** `['curriculum', 'stages', 0, 'name']` → `curriculum.stages[0].name` */
export const dotted = (path: readonly Segment[]): string =>
  path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');

/** `curriculum.stages[0].name` → its segments; undefined when the text is not a path. */
export function segments(text: string): Segment[] | undefined {
  if (!/^[^.[\]]+(\.[^.[\]]+|\[\d{1,9}\])*$/.test(text)) return undefined;
  return [...text.matchAll(/[^.[\]]+|\[(\d+)\]/g)].map((match) => (match[1] === undefined ? match[0] : Number(match[1])));
}

/** Looks a path up in the schema, never in an object: `constructor` and the like are simply unknown. */
export function nodeAt(path: readonly Segment[]): Node | undefined {
  let node: Node | undefined = root;
  for (const part of path) {
    if (node === undefined) return undefined;
    if (typeof part === 'number') node = Array.isArray(node.items) ? node.items[part] : node.items;
    else node = node.properties && Object.hasOwn(node.properties, part) ? node.properties[part] : undefined;
  }
  return node;
}

export const isMapNode = (node: Node | undefined): boolean => node?.properties !== undefined;

/** True for a key that takes values of this JSON type. */
export const takes = (node: Node, type: 'string' | 'null'): boolean => [node.type].flat().includes(type);

function walk(node: Node, path: string, found: string[]): string[] {
  for (const [word, child] of Object.entries(node.properties ?? {})) {
    const at = path ? `${path}.${word}` : word;
    const items = Array.isArray(child.items) ? undefined : child.items;
    if (isMapNode(child)) walk(child, at, found);
    else if (items && isMapNode(items)) walk(items, `${at}[]`, found);
    else found.push(at);
  }
  return found;
}

/** Every leaf key of the schema as a dotted path, aliases, `extends` and stage keys (`curriculum.stages[].name`) included. */
export const leafKeys = (): string[] => walk(root, '', []);

/** The keys of a resolved record: no aliases, no `extends`, and the list of stages as one value. */
export const canonicalKeys: readonly string[] = [...new Set(leafKeys().map((key) => key.replace(/\[\].*$/, '')))].filter(
  (key) => key !== 'extends' && !(key in aliases),
);

/** The keys that say what the weights of a model folder fit; with `model.init_from` the folder decides them. */
export const shapeKeys: ReadonlySet<string> = new Set(
  canonicalKeys.filter(
    (key) => key.startsWith('model.') && !['model.init_from', 'model.dropout', 'model.attention_dropout', 'model.init_std'].includes(key),
  ),
);

/** Default of a canonical key, as a fresh copy. */
export const defaultOf = (key: string): unknown => structuredClone(nodeAt(segments(key)!)!.default);
