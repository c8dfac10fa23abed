import type { Nodes, Root } from 'mdast';

import { mendHyphens, mendNotes } from '../clean/hyphen.js';
import type { ParsedText, Removal } from '../types.js';
import { toDocument, type Block } from './block.js';
import { optionalPackage } from './optional.js';

const FRONT_MATTER = /^\uFEFF?---\r?\n([\s\S]*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/;

/** Markdown (CommonMark) to one document. Marks are dropped; code, pictures and front matter are left out and reported. */
export async function parseMarkdown(source: string, name: string): Promise<ParsedText> {
  const { fromMarkdown } = await optionalPackage('mdast-util-from-markdown', () => import('mdast-util-from-markdown'));
  const removed: Removal[] = [];
  const front = FRONT_MATTER.exec(source);
  const title = front ? /^title:\s*["']?(.*?)["']?\s*$/m.exec(front[1]!)?.[1] : undefined;
  if (front)
    removed.push({
      where: name,
      from: 1,
      to: front[0].trimEnd().split('\n').length,
      what: 'front matter',
      sample: front[1]!.split('\n')[0]!.slice(0, 60),
    });
  // Front matter is blanked, not cut, so that line numbers stay.
  const written = (front ? front[0].replace(/[^\r\n]/g, ' ') + source.slice(front[0].length) : source).split(/\r\n|\r|\n/);
  const mended = mendNotes(mendHyphens(written, 'keep'));
  const root: Root = fromMarkdown(written.join('\n'));
  const blocks: Block[] = [];
  const leave = (node: Nodes, what: Removal['what'], sample: string) =>
    removed.push({ ...place(node, name), what, sample: sample.trim().split('\n')[0]!.slice(0, 60) });
  const visit = (node: Nodes): void => {
    if (node.type === 'paragraph' || node.type === 'heading') {
      const lines = inline(node, leave)
        .split('\n')
        .map((line) => line.replace(/\s+/g, ' ').trim())
        .filter(Boolean);
      if (lines.length === 0) return;
      blocks.push({
        lines: node.type === 'heading' ? [lines.join(' ')] : lines,
        kind: node.type === 'heading' ? 'heading' : 'text',
        ...(node.type === 'heading' && { level: node.depth }),
        linked: linkedShare(node),
        ...place(node, name),
      });
    } else if (node.type === 'code') {
      // People indent verse; code has a fence.
      const fenced = /^\s*(```|~~~)/.test(written[node.position!.start.line - 1] ?? '');
      const lines = node.value
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean);
      if (fenced) leave(node, 'code block', node.value);
      else if (lines.length > 0) blocks.push({ lines, kind: 'text', ...place(node, name) });
    } else if (node.type === 'html') {
      if (!/^<!--/.test(node.value.trim())) leave(node, 'code block', node.value);
    } else if ('children' in node) {
      node.children.forEach(visit);
    }
  };
  visit(root);
  const heading = blocks.find(({ kind, level }) => kind === 'heading' && level === 1)?.lines.join(' ');
  const { notes = [], ...parsed } = toDocument({ title: title || heading, blocks, removed }, name);
  return { ...parsed, notes: [...mended, ...notes] };
}

const place = (node: Nodes, where: string) => ({ where, from: node.position!.start.line, to: node.position!.end.line });

/** Text of a paragraph or heading. A hard break is a line break; a soft one is a blank. */
function inline(node: Nodes, leave: (node: Nodes, what: Removal['what'], sample: string) => void): string {
  if (node.type === 'text' || node.type === 'inlineCode') return node.value.replace(/\s*\n\s*/g, ' ');
  if (node.type === 'break') return '\n';
  if (node.type === 'image' || node.type === 'imageReference') {
    leave(node, 'illustration', node.alt || 'a picture');
    return '';
  }
  return 'children' in node ? node.children.map((child) => inline(child, leave)).join('') : '';
}

function linkedShare(node: Nodes): number {
  const length = (part: Nodes): number =>
    'value' in part ? part.value.trim().length : 'children' in part ? part.children.reduce((sum, child) => sum + length(child), 0) : 0;
  const links = (part: Nodes): number =>
    part.type === 'link' && /^(?!\w+:)/.test(part.url)
      ? length(part)
      : 'children' in part
        ? part.children.reduce((sum, child) => sum + links(child), 0)
        : 0;
  return links(node) / Math.max(1, length(node));
}
