// eslint-disable-next-line @nx/enforce-module-boundaries -- the condition `browser` decides which file this is
import { yamlLibrary } from '#yaml';
import type { CST, Document, LineCounter, Pair, ParsedNode, ScalarTag, Tags, YAMLMap } from 'yaml';
import { issueAt, type Issue, type Place } from '../checks/issue.js';
import type { Segment } from '../sections/keys.js';
import { plain, quoted } from '../checks/words.js';

const maxBytes = 1024 * 1024;
const maxDepth = 64;
const maxAliases = 20;
// A configuration with every key has about 2,000; the parser takes seconds for a million.
const maxTokens = 50_000;

/** A guarded syntax tree: nothing in it can be dangerous to convert. */
export interface Tree {
  doc: Document;
  file: string;
  at(path: readonly Segment[], key?: boolean): Place;
  /** The text of a plain scalar, which `007` shows no more as the number 7. */
  written(path: readonly Segment[]): string | undefined;
}

type YamlNode = ParsedNode | null | undefined;

// Numbers are printed as they were written, new ones as plain decimals: PyYAML reads `2e-4` as a string.
const decimals = (tags: Tags): Tags =>
  tags.map((tag) =>
    typeof tag !== 'string' && /:(int|float)$/.test(tag.tag)
      ? ({ ...tag, stringify: (item: { source?: string; value: unknown }) => item.source ?? plain(Number(item.value)) } as ScalarTag)
      : tag,
  );

/** A text that must not reach the composer. */
class Refused extends Error {
  constructor(
    readonly expected: string,
    readonly offset: number,
  ) {
    super();
  }
}

/**
 * The parser of `yaml`, token by token. A deep nest has to be stopped here: the composer recurses, and a regular expression compiled
 * near the end of the stack ends the whole Node process, which no `catch` sees. @throws Refused
 */
export function parseTree(text: string, lines?: LineCounter): { doc: Document.Parsed; extra: boolean } {
  const { Composer, Lexer, Parser } = yamlLibrary();
  const parser = new Parser(lines?.addNewLine);
  lines?.addNewLine(0);
  const tokens: CST.Token[] = [];
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    count += 1;
    if (count > maxTokens) throw new Refused(`at most ${maxTokens} tokens`, parser.offset);
    for (const token of parser.next(lexeme)) tokens.push(token);
    // The document, a key and a value stand on the stack beside the levels.
    if (parser.stack.length > maxDepth + 8) throw new Refused(`at most ${maxDepth} levels`, parser.offset);
  }
  for (const token of parser.end()) tokens.push(token);
  // Duplicate keys are found below in linear time; the composer's own check compares every pair.
  const composer = new Composer({
    version: '1.2',
    uniqueKeys: false,
    strict: true,
    merge: false,
    prettyErrors: false,
    keepSourceTokens: false,
    customTags: decimals,
  });
  const docs = [...composer.compose(tokens, true, text.length)];
  return { doc: docs[0] as Document.Parsed, extra: docs.length > 1 };
}

/** A changed document as text: long values stay on their line, and the last line ends. */
export const printed = (doc: Document): string => doc.toString({ lineWidth: 0 }).replace(/\n*$/, '\n');

const unsafe = new Set(['__proto__', 'prototype', 'constructor']);

interface Fault {
  offset: number;
  expected: string;
  got?: string;
  hint?: string;
}

// One walk over the tree, without following aliases: its cost is the length of the text.
function faultsOf(doc: Document.Parsed): Fault[] {
  const { isAlias, isMap, isScalar, isSeq } = yamlLibrary();
  const faults: Fault[] = [];
  let aliases = 0;
  let deep = false;
  const visit = (node: YamlNode, depth: number): void => {
    if (!node || deep) return;
    const offset = node.range[0];
    if (depth > maxDepth) {
      deep = true;
      faults.push({ offset, expected: `at most ${maxDepth} levels` });
      return;
    }
    if (isAlias(node)) {
      aliases += 1;
      if (aliases === maxAliases + 1) faults.push({ offset, expected: `at most ${maxAliases} aliases` });
      else if (aliases <= maxAliases && node.resolve(doc) === undefined)
        faults.push({ offset, expected: 'an alias of an anchor above it', got: quoted(`*${node.source}`) });
      return;
    }
    if (node.tag) faults.push({ offset, expected: 'no tags', got: quoted(node.tag) });
    if (isSeq(node)) for (const item of node.items) visit(item as YamlNode, depth + 1);
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const pair of node.items) {
      const key = pair.key as YamlNode;
      const at = key?.range[0] ?? offset;
      const word = isScalar(key) ? key.value : undefined;
      if (typeof word !== 'string')
        faults.push({
          offset: at,
          expected: 'string keys',
          got: isAlias(key) ? 'an alias' : isScalar(key) ? String(key.value) : 'another node',
        });
      else if (word === '<<') faults.push({ offset: at, expected: 'no merge keys', got: quoted(word), hint: 'use extends' });
      else if (unsafe.has(word)) faults.push({ offset: at, expected: 'a safe key', got: quoted(word) });
      else if (seen.has(word)) faults.push({ offset: at, expected: 'each key once in a map', got: `a second ${quoted(word)}` });
      else seen.add(word);
      if (isScalar(key) && key.tag) faults.push({ offset: at, expected: 'no tags', got: quoted(key.tag) });
      visit(pair.value as YamlNode, depth + 1);
    }
  };
  visit(doc.contents as YamlNode, 1);
  return faults;
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

function readTree(text: string): { doc?: Document.Parsed; lines: LineCounter; faults: Fault[] } {
  const lines = new (yamlLibrary().LineCounter)();
  if (text.length > maxBytes || bytesOf(text) > maxBytes) return { lines, faults: [{ offset: 0, expected: 'at most 1 MiB' }] };
  try {
    const { doc, extra } = parseTree(text, lines);
    const faults = doc.errors.map((error): Fault => {
      const offset = error.pos[0];
      const excerpt = text
        .slice(offset, offset + 30)
        .split('\n')[0]!
        .trim();
      return {
        offset,
        expected: 'valid YAML',
        got: excerpt === '' ? 'the end of the line' : quoted(excerpt),
        hint: error.message.split('\n')[0],
      };
    });
    if (extra) faults.push({ offset: doc.range[2], expected: 'one document', got: 'more' });
    const version = doc.directives.yaml;
    if (version.explicit && version.version !== '1.2') faults.push({ offset: 0, expected: 'YAML 1.2', got: `%YAML ${version.version}` });
    for (const warning of doc.warnings) {
      if (warning.code === 'BAD_DIRECTIVE')
        faults.push({ offset: warning.pos[0], expected: 'YAML 1.2', got: quoted(text.slice(warning.pos[0]).split('\n')[0]!) });
    }
    for (const fault of faultsOf(doc)) faults.push(fault);
    return { doc, lines, faults };
  } catch (error) {
    if (error instanceof Refused) return { lines, faults: [{ offset: error.offset, expected: error.expected }] };
    return {
      lines,
      faults: [{ offset: 0, expected: 'valid YAML', hint: error instanceof Error ? error.message.split('\n')[0] : undefined }],
    };
  }
}

/** Reads and guards YAML text. With `place`, every position is that one (an environment variable, `--set`). */
export function readYaml(text: string, file: string, place?: Place, path = '(yaml)'): { tree?: Tree; issues: Issue[] } {
  const { doc, lines, faults } = readTree(text);
  const locate = (offset: number): Place => {
    if (place) return place;
    const { line, col } = lines.linePos(offset);
    return { where: `${file}:${Math.max(1, line)}:${Math.max(1, col)}`, line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (faults.length > 0 || doc === undefined) {
    const seen = new Set<number>();
    const issues = faults
      .sort((a, b) => a.offset - b.offset)
      .filter(({ offset }) => !seen.has(offset) && seen.add(offset))
      .map(({ offset, ...finding }) => issueAt(locate(offset), path, { code: 'YAML', ...finding }));
    return { issues };
  }
  const { isAlias, isScalar } = yamlLibrary();
  const index: Index = new WeakMap();
  const at = (wanted: readonly Segment[], key = false): Place => locate(nodeOf(doc, wanted, key, index).offset);
  const written = (wanted: readonly Segment[]): string | undefined => {
    const { node } = nodeOf(doc, wanted, false, index);
    const scalar = isAlias(node) ? node.resolve(doc) : node;
    return isScalar(scalar) && scalar.type === 'PLAIN' ? scalar.source : undefined;
  };
  return { tree: { doc: doc as unknown as Document, file, at, written }, issues: [] };
}

type Index = WeakMap<object, Map<unknown, Pair>>;

/** The value of a key in a map. Each map is indexed once: a file may have as many errors as keys. */
function pairIn(map: YAMLMap, part: Segment, index: Index): Pair | undefined {
  const { isScalar } = yamlLibrary();
  const pairs: Map<unknown, Pair> =
    index.get(map) ?? new Map(map.items.map((item) => [isScalar(item.key) ? item.key.value : item.key, item]));
  index.set(map, pairs);
  return pairs.get(part);
}

/** Offset of the deepest node of a path that exists, and the node at its end. */
function nodeOf(doc: Document.Parsed, path: readonly Segment[], key: boolean, index: Index): { offset: number; node?: YamlNode } {
  const { isAlias, isMap, isSeq } = yamlLibrary();
  let node = doc.contents as YamlNode;
  let offset = node?.range[0] ?? 0;
  for (const [i, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(doc) as YamlNode;
    if (isMap(node)) {
      const pair = pairIn(node, part, index);
      if (pair === undefined) return { offset };
      const word = pair.key as ParsedNode;
      if (key && i === path.length - 1) return { offset: word.range[0] };
      node = pair.value as YamlNode;
      // `training:` with nothing under it has no value to point at.
      offset = node && node.range[1] > node.range[0] ? node.range[0] : word.range[0];
    } else if (isSeq(node)) {
      node = node.items[Number(part)] as YamlNode;
      if (!node) return { offset };
      offset = node.range[0];
    } else return { offset };
  }
  return { offset, node };
}

/** Plain data of a guarded tree: null-prototype maps, aliases resolved, each scalar passed through `scalar`. @throws RangeError when aliases multiply. */
export function toData(tree: Tree, scalar: (value: unknown, path: Segment[]) => unknown = (value) => value): unknown {
  const { isAlias, isMap, isScalar, isSeq } = yamlLibrary();
  // Aliases may multiply what they repeat; only what is reached through one counts.
  let budget = 10_000;
  const convert = (node: YamlNode, path: Segment[], repeated: boolean): unknown => {
    if (repeated) budget -= 1;
    if (budget < 0 || path.length > maxDepth) throw new RangeError('aliases repeat too much');
    if (isAlias(node)) return convert(node.resolve(tree.doc) as YamlNode, path, true);
    if (isMap(node)) {
      const record = Object.create(null) as Record<string, unknown>;
      for (const pair of node.items) {
        const word = String((pair.key as unknown as { value: unknown }).value);
        record[word] = convert(pair.value as YamlNode, [...path, word], repeated);
      }
      return record;
    }
    if (isSeq(node)) return node.items.map((item, i) => convert(item as YamlNode, [...path, i], repeated));
    return isScalar(node) ? scalar(node.value, path) : null;
  };
  return convert(tree.doc.contents as YamlNode, [], false);
}
