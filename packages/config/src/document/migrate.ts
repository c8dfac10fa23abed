import { mustBe } from '@mdiff/arguments';
// eslint-disable-next-line @nx/enforce-module-boundaries -- the condition `browser` decides which file this is
import { yamlLibrary } from '#yaml';
import type { Document, Pair, Scalar, YAMLMap } from 'yaml';
import { parseTree, printed } from './yaml.js';
import { ConfigError } from '../checks/issue.js';
import { aliases, segments } from '../sections/keys.js';
import { fileSources, type Context } from './sources.js';
import { readLayer } from './layer.js';
import { inOrder } from './stack.js';

/**
 * The same text with every alias replaced by its canonical key; comments stay with their values.
 * @throws ConfigError when the text has errors, or an alias and its twin disagree
 */
export function migrate(text: string, file = 'config.yaml', env: Context['env'] = {}): { text: string; moved: string[] } {
  mustBe('migrate', 'text', text, 'string');
  mustBe('migrate', 'file', file, 'string');
  mustBe('migrate', 'env', env, 'object');
  const ctx: Context = { env, read: () => ({ text: '' }), issues: [] };
  const { sources } = fileSources(text, file, [], ctx);
  const own = sources.filter((source) => source.kind === 'file').flatMap((source) => readLayer(source).found);
  if (ctx.issues.length + own.length > 0) throw new ConfigError(inOrder([...ctx.issues, ...own]));
  const { isMap, isScalar } = yamlLibrary();
  const doc = parseTree(text).doc as unknown as Document;
  const moved: string[] = [];
  for (const [alias, canonical] of Object.entries(aliases)) {
    const from = segments(alias)!;
    const to = segments(canonical)!;
    if (!doc.hasIn(from)) continue;
    moved.push(`${alias} -> ${canonical}`);
    const parent = (from.length === 1 ? doc.contents : doc.getIn(from.slice(0, -1), true)) as YAMLMap;
    const index = parent.items.findIndex((pair) => isScalar(pair.key) && pair.key.value === from.at(-1));
    const [pair] = parent.items.splice(index, 1) as [Pair<Scalar, unknown>];
    // An emptied map of aliases has no reason to stay.
    for (let depth = from.length - 1; depth > 0 && (doc.getIn(from.slice(0, depth), true) as YAMLMap).items.length === 0; depth -= 1)
      doc.deleteIn(from.slice(0, depth));
    if (doc.hasIn(to)) continue;
    const section = doc.getIn(to.slice(0, -1), true);
    if (!isMap(section)) doc.setIn(to.slice(0, -1), doc.createNode({}));
    pair.key.value = to.at(-1);
    pair.key.source = undefined;
    pair.key.spaceBefore = false;
    (doc.getIn(to.slice(0, -1), true) as YAMLMap).items.push(pair);
  }
  return { text: moved.length === 0 ? text : printed(doc), moved };
}
