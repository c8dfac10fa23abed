import type { Nodes, Root } from 'mdast';

import { plainCharacters } from '../clean/characters.js';
import { mendHyphens, mendNotes } from '../clean/hyphen.js';
import type { ParsedText, Removal } from '../types.js';
import { toDocument, type Block } from './block.js';
import { readHtml } from './html.js';
import { optionalPackage } from './optional.js';
import { withoutPandoc, type Plainer } from './pandoc.js';
import { withoutVault } from './vault.js';

const FRONT_MATTER = [
  /^(?:---)\r?\n((?:(?!---)[^\n]*\n)*?)(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/,
  /^(?:\+\+\+)\r?\n((?:(?!\+\+\+)[^\n]*\n)*?)\+\+\+[ \t]*(?:\r?\n|$)/,
  /^((?:%[^\n]*\n){1,3})/,
];
const SAMPLE_CHARS = 120;
// The parser takes time in the square of these, or calls itself for each.
const LINE_CHARS = 500_000;
const NESTED = 20;
const ALL_NESTED = 40_000;
const INDENT = 400;
const BLOCK_MARKS = 4000;
const BLOCK_LINES = 8000;
const ALL_MARKS = 100_000;
const ALL_BLOCKS = 40_000;

/** The first line (0-based) on which the parser of Markdown would take minutes or all memory, if there is one; people write nothing like it. */
export function unfitLine(lines: readonly string[]): number {
  let marks = 0;
  let all = 0;
  let nested = 0;
  let together = 0;
  let blocks = 0;
  return lines.findIndex((line) => {
    if (line.length > LINE_CHARS) return true;
    if (line.trim() === '') marks = together = 0;
    else if (together++ === 0) blocks++;
    const some = line.match(/[*_~`]+|[[\]<&|\\]/g)?.length ?? 0;
    marks += some;
    all += some;
    const lead = /^[\s>*+-]*(?:\d{1,9}[.)][\s>*+-]*)*/.exec(line.slice(0, 20_000))![0];
    const depth = lead.match(/[>*+-]|\d[.)]/g)?.length ?? 0;
    nested += depth;
    return (
      together > BLOCK_LINES ||
      blocks > ALL_BLOCKS ||
      marks > BLOCK_MARKS ||
      all > ALL_MARKS ||
      lead.length > INDENT ||
      depth > NESTED ||
      nested > ALL_NESTED
    );
  });
}

/** Markdown (CommonMark, GFM, and the notation of pandoc and of programs for notes) to one document. Marks are dropped; code, pictures, notes and front matter are left out and reported. */
export async function parseMarkdown(source: string, name: string): Promise<ParsedText> {
  const parse = await parser();
  const text = plainCharacters(source);
  const removed: Removal[] = [];
  const front = FRONT_MATTER.map((pattern) => pattern.exec(text)).find((match) => match !== null);
  if (front) {
    const to = front[0].trimEnd().split('\n').length;
    removed.push({ where: name, from: 1, to, what: 'front matter', sample: front[1]!.trim().split('\n')[0]!.slice(0, SAMPLE_CHARS) });
  }
  // Front matter is blanked, not cut, so that line numbers stay.
  const written = (front ? front[0].replace(/[^\r\n]/g, ' ') + text.slice(front[0].length) : text).split(/\r\r\n|\r\n|\r|\n/);
  const plainer: Plainer = {
    leave: (line, what, sample) =>
      removed.push({ where: name, from: line + 1, to: line + 1, what, sample: sample.trim().slice(0, SAMPLE_CHARS) }),
  };
  withoutVault(written, plainer);
  withoutPandoc(written, plainer);
  const mended = mendNotes(mendHyphens(written, 'keep'));
  const reader = new Reader(name, written, parse, removed);
  await reader.read(parse(written.join('\n')));
  const heading = reader.blocks.find(({ kind, level }) => kind === 'heading' && level === 1)?.lines.join(' ');
  const { notes = [], ...parsed } = toDocument({ title: titleOf(front?.[1]) || heading, blocks: reader.blocks, removed }, name);
  return { ...parsed, notes: [...mended, ...notes] };
}

/** The title in front matter: YAML, TOML, or the first line of pandoc's. */
const titleOf = (front: string | undefined): string | undefined =>
  front === undefined ? undefined : (/^title\s*[:=]\s*["']?(.*?)["']?\s*$/m.exec(front)?.[1] ?? /^%\s*(.*)/.exec(front)?.[1]?.trim());

type Parse = (source: string) => Root;

async function parser(): Promise<Parse> {
  const { fromMarkdown } = await optionalPackage('mdast-util-from-markdown', () => import('mdast-util-from-markdown'));
  const { gfm } = await optionalPackage('micromark-extension-gfm', () => import('micromark-extension-gfm'));
  const { gfmFromMarkdown } = await optionalPackage('mdast-util-gfm', () => import('mdast-util-gfm'));
  return (source) => fromMarkdown(source, { extensions: [gfm({ singleTilde: false })], mdastExtensions: [gfmFromMarkdown()] });
}

const place = (node: Nodes, where: string) => ({ where, from: node.position!.start.line, to: node.position!.end.line });

/** Collects the blocks of a file. */
class Reader {
  readonly blocks: Block[] = [];
  readonly #name: string;
  readonly #written: readonly string[];
  readonly #parse: Parse;
  readonly #removed: Removal[];

  constructor(name: string, written: readonly string[], parse: Parse, removed: Removal[]) {
    this.#name = name;
    this.#written = written;
    this.#parse = parse;
    this.#removed = removed;
  }

  /** Reads the blocks in order; a stack instead of calls, because lists and quotations nest as deep as people like. */
  async read(root: Root): Promise<void> {
    const stack: Nodes[] = [root];
    for (let node = stack.pop(); node; node = stack.pop()) {
      if (node.type === 'paragraph' || node.type === 'heading') this.#paragraph(node);
      else if (node.type === 'tableRow') this.#row(node);
      else if (node.type === 'code') this.#code(node);
      else if (node.type === 'html') await this.#html(node);
      else if (node.type === 'footnoteDefinition') this.#leave(node, 'footnote', plain(node));
      else if ('children' in node) for (let i = node.children.length; i-- > 0;) stack.push(node.children[i]!);
    }
  }

  #leave(node: Nodes, what: Removal['what'], sample: string): void {
    this.#removed.push({ ...place(node, this.#name), what, sample: sample.trim().split('\n')[0]!.slice(0, SAMPLE_CHARS) });
  }

  #paragraph(node: Extract<Nodes, { type: 'paragraph' | 'heading' }>): void {
    const lines = this.#lines(node);
    if (lines.length === 0) return;
    const heading = node.type === 'heading';
    this.blocks.push({
      lines: heading ? [lines.join(' ')] : lines,
      kind: heading ? 'heading' : 'text',
      ...(heading && { level: node.depth }),
      linked: linkedShare(node),
      ...place(node, this.#name),
    });
  }

  #row(node: Extract<Nodes, { type: 'tableRow' }>): void {
    const text = node.children.map((cell) => this.#lines(cell).join(' ')).join(' ');
    if (text.trim()) this.blocks.push({ lines: [text.replace(/\s+/g, ' ').trim()], kind: 'text', ...place(node, this.#name) });
  }

  #lines(node: Nodes): string[] {
    return inline(node, (part, what, sample) => this.#leave(part, what, sample))
      .split('\n')
      .map((line) => line.replace(/\s+/g, ' ').trim())
      .filter(Boolean);
  }

  /** Code has a fence; people indent paragraphs and verse, in which marks are marks. */
  #code(node: Extract<Nodes, { type: 'code' }>): void {
    if (/^[\s>]*(```|~~~)/.test(this.#written[node.position!.start.line - 1] ?? '')) {
      this.#leave(node, 'code block', node.value);
      return;
    }
    let from = node.position!.start.line;
    for (const group of node.value.split(/\n(?:[^\S\n]*\n)+/)) {
      const written = group.split('\n');
      const lines = written
        .flatMap((line) => (/[*_`[\]<&\\~]/.test(line) ? this.#lines(this.#parse(line.trim())) : [line.trim()]))
        .filter(Boolean);
      if (lines.length > 0) this.blocks.push({ lines, kind: 'text', where: this.#name, from, to: from + written.length - 1 });
      from += written.length + 1;
    }
  }

  /** Raw HTML goes through the reader of HTML; tags alone, as around Markdown, leave no text. */
  async #html(node: Extract<Nodes, { type: 'html' }>): Promise<void> {
    if (/^<!--/.test(node.value.trim())) return;
    const { from } = place(node, this.#name);
    // Poems in a division keep their lines.
    const verse = /^\s*<div[^>]*class\s*=\s*["']?[^"'>]*(?:poem|poetry|verse|stanza)/i.test(node.value);
    const source = verse ? node.value.replace(/(?<!>)[ \t]*\n(?!\s*<)/g, '<br>\n') : node.value;
    const page = await readHtml(source, this.#name);
    const moved = <T extends { from: number; to: number }>(part: T): T => ({ ...part, from: part.from + from - 1, to: part.to + from - 1 });
    for (const block of page.blocks) this.blocks.push(moved(block));
    for (const removal of page.removed) this.#removed.push(moved(removal));
  }
}

const BREAK = /^<br\s*\/?>$/i;

/** Text of a paragraph or heading. A hard break is a line break; a soft one is a blank. */
function inline(root: Nodes, leave: (node: Nodes, what: Removal['what'], sample: string) => void): string {
  const pieces: string[] = [];
  const stack: Nodes[] = [root];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.type === 'text' || node.type === 'inlineCode') pieces.push(node.value.replace(/\s*\n\s*/g, ' '));
    else if (node.type === 'break') pieces.push('\n');
    else if (node.type === 'html' && BREAK.test(node.value)) pieces.push('\n');
    else if (node.type === 'image' || node.type === 'imageReference') leave(node, 'illustration', node.alt || 'a picture');
    else if (node.type === 'delete') leave(node, 'deleted text', plain(node));
    else if (node.type === 'footnoteReference') leave(node, 'note mark', `[^${node.label ?? node.identifier}]`);
    else if ('children' in node) for (let i = node.children.length; i-- > 0;) stack.push(node.children[i]!);
  }
  return pieces.join('');
}

/** All text inside a node. */
function plain(root: Nodes): string {
  const pieces: string[] = [];
  const stack: Nodes[] = [root];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if ('value' in node) pieces.push(node.value);
    else if ('children' in node) for (let i = node.children.length; i-- > 0;) stack.push(node.children[i]!);
  }
  return pieces.join(' ');
}

/** Share of the characters that stand in links into the same text. */
function linkedShare(root: Nodes): number {
  let [all, links] = [0, 0];
  const stack: { node: Nodes; link: boolean }[] = [{ node: root, link: false }];
  for (let entry = stack.pop(); entry; entry = stack.pop()) {
    const { node } = entry;
    const link = entry.link || (node.type === 'link' && /^(?!\w+:)/.test(node.url));
    if ('value' in node) {
      all += node.value.trim().length;
      if (link) links += node.value.trim().length;
    } else if ('children' in node) for (const child of node.children) stack.push({ node: child, link });
  }
  return links / Math.max(1, all);
}
