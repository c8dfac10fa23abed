import { TextError } from '../error.js';
import type { ParsedText, Removal } from '../types.js';
import { toDocument, type Block, type Marked } from './block.js';
import { decode, type Decoded } from './encoding.js';
import { optionalPackage } from './optional.js';

const SILENT = new Set([
  'script',
  'style',
  'nav',
  'svg',
  'math',
  'template',
  'noscript',
  'iframe',
  'object',
  'select',
  'button',
  'textarea',
  'audio',
  'video',
]);
const BLOCKS = new Set(
  'p div h1 h2 h3 h4 h5 h6 li ul ol dl dt dd blockquote section article main header footer aside figure figcaption table caption thead tbody tr pre hr address body form fieldset details summary'.split(
    ' ',
  ),
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
// A page has many of these; one removal reports all of them.
const MARKS = new Set<Removal['what']>(['page number', 'note mark']);
// Old pages forget to close thousands of tags, and each open tag slows down everything after it.
const DEPTH = 20_000;
const INVISIBLE = /[\u00AD\u200B\u2060\uFEFF]/g;

/** An HTML page to one document, decoded as the page declares. @throws TextError when its bytes cannot be read */
export async function parseHtml(bytes: Uint8Array, name: string): Promise<ParsedText & Pick<Decoded, 'encoding'>> {
  const { text, encoding } = decodeHtml(bytes);
  return { ...toDocument(await readHtml(text, name), name), encoding };
}

/** Text of an HTML or XML file in the encoding it names. */
export function decodeHtml(bytes: Uint8Array): Decoded {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 2048));
  return decode(bytes, (/<meta[^>]+charset\s*=\s*["']?([\w-]+)/i.exec(head) ?? /<\?xml[^>]+encoding\s*=\s*["']([\w-]+)/i.exec(head))?.[1]);
}

interface Tag {
  name: string;
  /** Set where everything inside is left out, and the removal to report it as. */
  skip?: Skip;
  verse?: boolean;
  stanza?: boolean;
  /** A line of a stanza rather than a block. */
  line?: boolean;
  link?: boolean;
}

type Skip = Removal['what'] | 'silent';

/** The blocks of an HTML page, in order. `where` names the page in removals. Lines are lines of the source. */
export async function readHtml(source: string, where: string): Promise<Marked> {
  const { Parser } = await optionalPackage('htmlparser2', () => import('htmlparser2'));
  const page = new Page(source, where);
  const parser = new Parser(
    {
      onopentag: (name, attributes) => page.open(name, attributes, parser.startIndex),
      ontext: (text) => page.text(text, parser.startIndex),
      onclosetag: (name) => page.close(name, parser.startIndex),
    },
    { decodeEntities: true, lowerCaseTags: true, recognizeSelfClosing: true },
  );
  parser.write(source);
  parser.end();
  return page.end();
}

/** Collects the blocks of one page from the events of the parser; `index` is the offset of an event in the source. */
class Page {
  readonly #source: string;
  readonly #where: string;
  readonly #blocks: Block[] = [];
  readonly #removals = new Map<Removal['what'], Removal & { count: number }>();
  /** The tags that are open, the outermost first. */
  readonly #tags: Tag[] = [];
  #title = '';
  /** The block in the making: its lines, the characters in links, the heading level (0 = none), the source line of its first text (0 = none yet). */
  #lines = [''];
  #linked = 0;
  #heading = 0;
  #from = 0;
  // Newlines are counted along the way: the parser only goes forward.
  #line = 1;
  #counted = 0;

  constructor(source: string, where: string) {
    this.#source = source;
    this.#where = where;
  }

  open(name: string, attributes: Readonly<Record<string, string>>, index: number): void {
    const line = this.#lineAt(index);
    if (this.#tags.length >= DEPTH)
      throw new TextError(
        `it opens ${DEPTH.toLocaleString('en')} tags, by line ${line} of ${this.#where}, and closes none of them; repair it or save its text`,
      );
    const tag: Tag = { name };
    const skip = skipOf(name, attributes, this.#tags.at(-1)?.name);
    if (skip) tag.skip = skip;
    if (name === 'a') tag.link = /^(?!\w+:)/.test(attributes['href'] ?? 'none:');
    if (BLOCKS.has(name)) {
      const marks = marksOf(attributes);
      tag.verse = VERSE.test(marks);
      tag.stanza = STANZA.test(marks);
      tag.line =
        !tag.stanza && this.#inside(({ verse }) => verse) && (name === 'div' || (name === 'p' && this.#inside(({ stanza }) => stanza)));
      if (tag.line) this.#lines.push('');
      else this.#flush(line);
      if (/^h[1-6]$/.test(name)) this.#heading = Number(name[1]);
    }
    if (name === 'br') this.#lines.push('');
    if (CELLS.has(name)) this.#lines.push(`${this.#lines.pop()!} `);
    this.#tags.push(tag);
  }

  text(text: string, index: number): void {
    if (this.#inside(({ name }) => name === 'title')) {
      this.#title += text;
      return;
    }
    if (this.#inside(({ name }) => name === 'head')) return;
    const skip = this.#tags.find((tag) => tag.skip !== undefined)?.skip;
    if (skip === 'silent') return;
    const line = this.#lineAt(index);
    const clean = text.replace(INVISIBLE, '').replace(/\u00A0/g, ' ');
    if (skip) this.#remove(skip, clean.trim(), line);
    else this.#add(clean, line);
  }

  close(name: string, index: number): void {
    const line = this.#lineAt(index);
    if (BLOCKS.has(name)) {
      if (this.#tags.at(-1)?.line) this.#lines.push('');
      else this.#flush(line);
      if (/^h[1-6]$/.test(name)) this.#heading = 0;
    }
    this.#tags.pop();
  }

  end(): Marked {
    this.#flush(this.#lineAt(this.#source.length));
    const removed = [...this.#removals.values()].map(({ count, ...removal }) =>
      count > 1 && MARKS.has(removal.what) ? { ...removal, sample: `${removal.sample} … (${count} of them)` } : removal,
    );
    return { title: this.#title.replace(/\s+/g, ' ').trim() || undefined, blocks: this.#blocks, removed };
  }

  #inside(test: (tag: Tag) => unknown): boolean {
    return this.#tags.some((tag) => Boolean(test(tag)));
  }

  #lineAt(index: number): number {
    for (; this.#counted < index; this.#counted++) if (this.#source.charCodeAt(this.#counted) === 10) this.#line++;
    return this.#line;
  }

  #remove(what: Removal['what'], text: string, line: number): void {
    if (!text) return;
    const removal = this.#removals.get(what);
    if (removal) Object.assign(removal, { to: line, count: removal.count + 1 });
    else this.#removals.set(what, { where: this.#where, from: line, to: line, what, sample: text.slice(0, 60), count: 1 });
  }

  #add(text: string, line: number): void {
    if (text.trim() && this.#from === 0) this.#from = line;
    if (this.#inside(({ link }) => link)) this.#linked += text.trim().length;
    if (!this.#inside(({ name }) => name === 'pre')) {
      this.#lines.push(this.#lines.pop()! + text);
      return;
    }
    // Preformatted text is plain text: its line breaks are breaks, its blank lines paragraphs.
    text.split('\n').forEach((part, i) => {
      if (i > 0 && this.#lines.at(-1)!.trim() === '') this.#flush(line + i);
      else if (i > 0) this.#lines.push('');
      if (part.trim() && this.#from === 0) this.#from = line + i;
      this.#lines.push(this.#lines.pop()! + part);
    });
  }

  /** Ends the block in the making, at line `to`. */
  #flush(to: number): void {
    const lines = this.#lines.map((part) => part.replace(/[ \t\n\r\f]+/g, ' ').trim()).filter(Boolean);
    if (lines.length > 0) {
      const level = this.#heading;
      const chars = lines.reduce((sum, part) => sum + part.length, 0);
      const kind = level > 0 ? 'heading' : this.#inside(({ verse }) => verse) && lines.length > 1 ? 'verse' : 'text';
      this.#blocks.push({
        lines: kind === 'heading' ? [lines.join(' ')] : lines,
        kind,
        ...(level > 0 && { level }),
        linked: Math.min(1, this.#linked / chars),
        where: this.#where,
        from: this.#from || to,
        to,
      });
    }
    this.#lines = [''];
    this.#linked = 0;
    this.#from = 0;
  }
}

const rolesOf = (attributes: Readonly<Record<string, string>>): string => `${attributes['epub:type'] ?? ''} ${attributes['role'] ?? ''}`;
const marksOf = (attributes: Readonly<Record<string, string>>): string => `${attributes['class'] ?? ''} ${rolesOf(attributes)}`;

/** The reason to leave out a tag with everything inside, if there is one. */
function skipOf(name: string, attributes: Readonly<Record<string, string>>, parent: string | undefined): Skip | undefined {
  const [roles, marks] = [rolesOf(attributes), marksOf(attributes)];
  if (SILENT.has(name) || 'hidden' in attributes) return 'silent';
  if (PAGE_NUMBER.test(marks)) return 'page number';
  if (FRONT.test(roles)) return 'front matter';
  if (LIST.test(roles)) return 'contents list';
  if (NOTE_MARK.test(marks) || BACK_LINK.test(marks) || (name === 'a' && parent === 'sup')) return 'note mark';
  if (name === 'figcaption' || (CAPTION.test(marks) && BLOCKS.has(name))) return 'illustration';
  return undefined;
}
