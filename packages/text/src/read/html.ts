import { toDocument, type Block, type Marked } from './block.js';
import { decode, type Decoded } from './encoding.js';
import { TextError } from '../error.js';
import { parser } from './optional.js';
import type { ParsedText } from './plain.js';
import type { Removal } from '../types.js';

const SILENT = new Set(['script', 'style', 'nav', 'svg', 'math', 'template', 'noscript', 'iframe', 'object', 'select', 'button', 'textarea', 'audio', 'video']);
const BLOCKS = new Set(
  'p div h1 h2 h3 h4 h5 h6 li ul ol dl dt dd blockquote section article main header footer aside figure figcaption table caption thead tbody tr pre hr address body form fieldset details summary'.split(' '),
);
const CELLS = new Set(['td', 'th']);
const VERSE = /\b(poem|poetry|verse|stanza|linegroup|z3998:(poem|verse|song|hymn))\b/i;
const STANZA = /\b(stanza|linegroup)\b/i;
const PAGE_NUMBER = /\b(page-?num(ber)?s?|page-?break|pagebreak|doc-pagebreak|pgnum)\b/i;
const NOTE_MARK = /\b(noteref|doc-noteref|fnanchor|footnote-?ref|footnote-?anchor)\b/i;
const BACK_LINK = /\b(doc-backlink|backlink)\b/i;
const FRONT = /\b(cover|titlepage|halftitlepage|copyright-page|imprint|colophon|doc-cover|doc-colophon)\b/i;
const LIST = /\b(toc|landmarks|loi|lot|page-list|doc-toc)\b/i;
const CAPTION = /\b(caption|figcaption)\b/i;
// Many small ones make one report.
const MARKS = new Set<Removal['what']>(['page number', 'note mark']);
// Old pages forget to close thousands of tags; each one more slows down all that follow.
const DEPTH = 20_000;
const INVISIBLE = /[\u00AD\u200B\u2060\uFEFF]/g;

/** An HTML page to one document. An encoding that the page names is honoured. @throws TextError when its bytes cannot be read */
export async function parseHtml(bytes: Uint8Array, name: string): Promise<ParsedText & Pick<Decoded, 'encoding'>> {
  const { text, encoding } = decodeHtml(bytes);
  return { ...toDocument(await readHtml(text, name), name), encoding };
}

/** Text of an HTML or XML file in the encoding it names. */
export function decodeHtml(bytes: Uint8Array): Decoded {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 2048));
  return decode(bytes, (/<meta[^>]+charset\s*=\s*["']?([\w-]+)/i.exec(head) ?? /<\?xml[^>]+encoding\s*=\s*["']([\w-]+)/i.exec(head))?.[1]);
}

interface Open {
  tag: string;
  /** Set where everything inside is left out, and what to report it as. */
  skip?: Removal['what'] | 'silent';
  verse?: boolean;
  stanza?: boolean;
  /** A line of a stanza rather than a block. */
  line?: boolean;
  link?: boolean;
}

/** The blocks of an HTML page, in order. `where` names the page in removals. Lines are lines of the source. */
export async function readHtml(source: string, where: string): Promise<Marked> {
  const { Parser } = await parser('htmlparser2', () => import('htmlparser2'));
  const blocks: Block[] = [];
  const skipped = new Map<Removal['what'], Removal & { count: number }>();
  const stack: Open[] = [];
  let title = '';
  let lines = [''];
  let linked = 0;
  let heading = 0;
  let from = 0;
  // Newlines are counted along the way: the parser only goes forward.
  let line = 1;
  let counted = 0;
  const lineAt = (index: number) => {
    for (; counted < index; counted++) if (source.charCodeAt(counted) === 10) line++;
    return line;
  };
  const inside = (test: (open: Open) => unknown) => stack.some((open) => Boolean(test(open)));

  const flush = (to: number) => {
    const text = lines.map((part) => part.replace(/[ \t\n\r\f]+/g, ' ').trim()).filter(Boolean);
    if (text.length > 0) {
      const chars = text.reduce((sum, part) => sum + part.length, 0);
      const kind = heading > 0 ? 'heading' : inside(({ verse }) => verse) && text.length > 1 ? 'verse' : 'text';
      blocks.push({ lines: kind === 'heading' ? [text.join(' ')] : text, kind, ...(heading > 0 && { level: heading }), linked: Math.min(1, linked / chars), where, from: from || to, to });
    }
    lines = [''];
    linked = 0;
    from = 0;
  };

  const page = new Parser(
    {
      onopentag(tag, attributes) {
        const at = lineAt(page.startIndex);
        if (stack.length >= DEPTH) throw new TextError(`it opens ${DEPTH.toLocaleString('en')} tags, by line ${at} of ${where}, and closes none of them; repair it or save its text`);
        const roles = `${attributes['epub:type'] ?? ''} ${attributes['role'] ?? ''}`;
        const marks = `${attributes['class'] ?? ''} ${roles}`;
        const open: Open = { tag };
        if (SILENT.has(tag) || 'hidden' in attributes) open.skip = 'silent';
        else if (PAGE_NUMBER.test(marks)) open.skip = 'page number';
        else if (FRONT.test(roles)) open.skip = 'front matter';
        else if (LIST.test(roles)) open.skip = 'contents list';
        else if (NOTE_MARK.test(marks) || BACK_LINK.test(marks) || (tag === 'a' && stack.at(-1)?.tag === 'sup')) open.skip = 'note mark';
        else if (tag === 'figcaption' || (CAPTION.test(marks) && BLOCKS.has(tag))) open.skip = 'illustration';
        if (tag === 'a') open.link = /^(?!\w+:)/.test(attributes['href'] ?? 'none:');
        if (BLOCKS.has(tag)) {
          open.verse = VERSE.test(marks);
          open.stanza = STANZA.test(marks);
          open.line = !open.stanza && inside(({ verse }) => verse) && (tag === 'div' || (tag === 'p' && inside(({ stanza }) => stanza)));
          if (open.line) lines.push('');
          else flush(at);
          if (/^h[1-6]$/.test(tag)) heading = Number(tag[1]);
        }
        if (tag === 'br') lines.push('');
        if (CELLS.has(tag)) lines.push(`${lines.pop()!} `);
        stack.push(open);
      },
      ontext(text) {
        if (inside(({ tag }) => tag === 'title')) {
          title += text;
          return;
        }
        if (inside(({ tag }) => tag === 'head')) return;
        const skip = stack.find((open) => open.skip !== undefined)?.skip;
        if (skip === 'silent') return;
        const at = lineAt(page.startIndex);
        const clean = text.replace(INVISIBLE, '').replace(/\u00A0/g, ' ');
        if (skip) {
          if (!clean.trim()) return;
          const known = skipped.get(skip);
          if (known) Object.assign(known, { to: at, count: known.count + 1 });
          else skipped.set(skip, { where, from: at, to: at, what: skip, sample: clean.trim().slice(0, 60), count: 1 });
          return;
        }
        if (clean.trim() && from === 0) from = at;
        if (inside(({ link }) => link)) linked += clean.trim().length;
        if (!inside(({ tag }) => tag === 'pre')) {
          lines.push(lines.pop()! + clean);
          return;
        }
        // Preformatted text is plain text: its line breaks are breaks, its blank lines paragraphs.
        clean.split('\n').forEach((part, i) => {
          if (i > 0 && lines.at(-1)!.trim() === '') flush(at + i);
          else if (i > 0) lines.push('');
          if (part.trim() && from === 0) from = at + i;
          lines.push(lines.pop()! + part);
        });
      },
      onclosetag(tag) {
        const at = lineAt(page.startIndex);
        if (BLOCKS.has(tag)) {
          if (stack.at(-1)?.line) lines.push('');
          else flush(at);
          if (/^h[1-6]$/.test(tag)) heading = 0;
        }
        stack.pop();
      },
    },
    { decodeEntities: true, lowerCaseTags: true, recognizeSelfClosing: true },
  );
  page.write(source);
  page.end();
  flush(lineAt(source.length));
  const removed = [...skipped.values()].map(({ count, ...removal }) => (count > 1 && MARKS.has(removal.what) ? { ...removal, sample: `${removal.sample} … (${count} of them)` } : removal));
  return { title: title.replace(/\s+/g, ' ').trim() || undefined, blocks, removed };
}
