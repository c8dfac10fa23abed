import { plainCharacters } from '../clean/characters.js';
import { TextError } from '../error.js';
import type { Removal } from '../types.js';
import type { Block, Marked } from './block.js';
import { joinRow, withoutText } from './htmlgroups.js';
import { MARK_CHARS, isArrow, looksLikeMark } from './htmlmarks.js';
import { HEAD, hiddenClasses, isBlock, isInitial, isMeta, markOf, skipOf, verseOf, type Skip } from './tags.js';

const CELLS = new Set(['td', 'th']);
const SECTIONS = new Set(['section', 'article', 'main', 'blockquote']);
// A page has many of these; one removal reports all of them.
const MARKS = new Set<Removal['what']>(['page number', 'note mark', 'ruby reading', 'hidden text', 'deleted text', 'illustration']);
// Old pages forget to close thousands of tags, and each open tag slows down everything after it.
const DEPTH = 20_000;
const SAMPLE_CHARS = 160;
const MEDIA = /\.(midi?|mp3|ogg|wav|m4a|mp4|webm|ly|mxl|musicxml|pdf|png|jpe?g|gif|svg|webp|tiff?)$/i;
// A line in the making is kept in pieces of about this length; those that go on with the one before begin with this character, which no text holds.
const LINE_CHARS = 4000;
const GOES_ON = '\0';
const BEFORE_CHARS = 200;

function wholeLines(pieces: readonly string[]): string[] {
  const lines: string[] = [];
  for (const piece of pieces) lines.push(piece.startsWith(GOES_ON) ? `${lines.pop() ?? ''}${piece.slice(1)}` : piece);
  return lines;
}

const lettersOf = (text: string): number => text.match(/[\p{L}\p{N}]/gu)?.length ?? 0;

interface Tag {
  name: string;
  block?: boolean;
  skip?: Skip;
  verse?: boolean;
  stanza?: boolean;
  /** A line of a stanza rather than a block. */
  line?: boolean;
  link?: boolean;
  anchor?: boolean;
  /** It leads to a sound, a picture or another file that is no page. */
  media?: boolean;
  /** Of a row of a table: its cells so far, and how many blocks stand before it. */
  row?: { cells: number; block: number };
  /** Of a tag around facts on the text: how many blocks stand before it. */
  meta?: number;
  /** What it is if what is inside turns out to be short, and where that begins. */
  mark?: { kind: NonNullable<ReturnType<typeof markOf>>; href: string; line: number; length: number; linked: number; block: number };
  initial?: boolean;
}

type Counted = 'verse' | 'stanza' | 'link' | 'anchor' | 'media' | 'section' | 'pre' | 'head' | 'title' | 'q' | 'hgroup';

/** Collects the blocks of one page from the events of the parser; `index` is the offset of an event in the source. */
export class Page {
  readonly #source: string;
  readonly #where: string;
  readonly #blocks: Block[] = [];
  readonly #removed: Removal[] = [];
  readonly #removals = new Map<Removal['what'], Removal & { count: number }>();
  readonly #noted = new Set<string>();
  /** The tags that are open, the outermost first, and how many there are of those that matter. */
  readonly #tags: Tag[] = [];
  readonly #open: Record<Counted, number> = {
    verse: 0,
    stanza: 0,
    link: 0,
    anchor: 0,
    media: 0,
    section: 0,
    pre: 0,
    head: 0,
    title: 0,
    q: 0,
    hgroup: 0,
  };
  /** The outermost tag that is left out with everything inside, and its text so far. */
  #skip: { tag: Tag; text: string; from: number } | undefined;
  #styles: string[] = [];
  /** The classes that style sheets hide. */
  readonly #unseen = new Set<string>();
  #headOver = false;
  #title = '';
  /** The block in the making: its lines, the characters in links, the heading level (0 = none), the source line of its first text (0 = none yet). */
  #lines = [''];
  #linked = 0;
  /** Letters and digits in links of any kind, and in those to media. */
  #anchored = 0;
  #media = 0;
  #heading = 0;
  #from = 0;
  #ids: string[] = [];
  #led = false;
  #back = false;
  /** The letter that a picture shows at the start of a block, or that a tag of its own holds there. */
  #cap = '';
  #initial = false;
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
    const tag: Tag = { name, block: isBlock(name) };
    if (this.#open.head > 0 && !HEAD.has(name)) this.#headOver = true;
    if (name === 'head') this.#headOver = false;
    for (const id of [attributes['id'], name === 'a' ? attributes['name'] : undefined]) if (id) this.#ids.push(id);
    const skip =
      skipOf(name, attributes) ??
      (this.#unseen.size > 0 && (attributes['class'] ?? '').split(/\s+/).some((word) => this.#unseen.has(word))
        ? 'hidden text'
        : // The foot of a page is none of the text; that of a chapter or a letter is.
          name === 'footer' && this.#open.section === 0
          ? 'navigation'
          : undefined);
    if (skip) {
      tag.skip = skip;
      this.#skip ??= { tag, text: '', from: line };
    }
    if (name === 'a') {
      tag.link = /^(?!\w+:)/.test(attributes['href'] ?? 'none:');
      tag.anchor = attributes['href'] !== undefined;
      tag.media = MEDIA.test(attributes['href'] ?? '');
    }
    if (tag.block && (!this.#skip || this.#skip.tag === tag)) this.#openBlock(tag, attributes, line);
    if (!this.#skip) this.#openMark(tag, attributes, line);
    this.#count(tag, 1);
    this.#tags.push(tag);
  }

  text(text: string, index: number): void {
    const skip = this.#skip;
    if (skip?.tag.name === 'style') this.#styles.push(text);
    if (skip?.tag.skip === 'silent') return;
    if (this.#open.title > 0) {
      this.#title += text;
      return;
    }
    if (this.#open.head > 0 && !this.#headOver) {
      if (!text.trim()) return;
      this.#headOver = true;
    }
    const line = this.#lineAt(index);
    const clean = plainCharacters(text)
      .replace(/\u00AD/g, '')
      .replace(/\u00A0/g, ' ');
    if (!skip) this.#add(clean, line);
    else if (skip.text.length < SAMPLE_CHARS) skip.text += clean;
  }

  close(name: string, index: number): void {
    const line = this.#lineAt(index);
    const tag = this.#tags.at(-1);
    if (!tag) return;
    if (this.#skip?.tag === tag) {
      const { text, from } = this.#skip;
      this.#skip = undefined;
      if (name === 'style') {
        for (const hidden of hiddenClasses(this.#styles.join(''))) this.#unseen.add(hidden);
        this.#styles = [];
      }
      if (tag.skip !== undefined && tag.skip !== 'silent') this.#remove(tag.skip, text, from, line);
      if (tag.block) this.#closeBlock(tag, line);
    } else if (!this.#skip) {
      if (tag.mark && !tag.block) this.#closeMark(tag.mark, line);
      if (tag.initial) this.#initial ||= /^\s*["“‘']?\p{L}\s*$/u.test(this.#lines.join(''));
      if (name === 'q') this.#add(this.#open.q % 2 === 1 ? '”' : '’', line);
      if (tag.block) this.#closeBlock(tag, line);
    }
    this.#tags.pop();
    this.#count(tag, -1);
  }

  end(): Marked {
    this.#flush(this.#lineAt(this.#source.length));
    const removed = [...this.#removals.values()].map(({ count, ...removal }) =>
      count > 1 ? { ...removal, sample: `${removal.sample} … (${count} of them)` } : removal,
    );
    return {
      title: this.#title.replace(/\s+/g, ' ').trim() || undefined,
      blocks: this.#blocks,
      removed: [...removed, ...this.#removed],
      noted: this.#noted,
    };
  }

  #count(tag: Tag, by: 1 | -1): void {
    if (tag.verse) this.#open.verse += by;
    if (tag.stanza) this.#open.stanza += by;
    if (tag.link) this.#open.link += by;
    if (tag.anchor) this.#open.anchor += by;
    if (tag.media) this.#open.media += by;
    const { name } = tag;
    // The title of a drawing is none of the book.
    if (name === 'title' && tag.skip === undefined && !(by === 1 && (this.#skip || this.#title))) this.#open.title = by === 1 ? 1 : 0;
    if (SECTIONS.has(name)) this.#open.section += by;
    if (name === 'pre' || name === 'head' || name === 'q' || name === 'hgroup') this.#open[name] += by;
  }

  #openBlock(tag: Tag, attributes: Readonly<Record<string, string>>, line: number): void {
    const { name } = tag;
    const heading = /^h[1-6]$/.test(name) ? Number(name[1]) : 0;
    if (this.#open.hgroup > 0) {
      this.#lines.push('');
      if (heading > 0 && this.#heading === 0) this.#heading = heading;
      return;
    }
    const { verse, stanza } = verseOf(attributes);
    tag.verse = verse;
    tag.stanza = stanza;
    tag.line = !stanza && this.#open.verse > 0 && (name === 'div' || (name === 'p' && this.#open.stanza > 0));
    if (tag.line) this.#lines.push('');
    else this.#flush(line);
    if (isMeta(attributes)) tag.meta = this.#blocks.length;
    if (name === 'tr') tag.row = { cells: 0, block: this.#blocks.length };
    if (heading > 0) this.#heading = heading;
    if (name === 'hgroup') this.#heading = Number(attributes['level'] ?? 0);
  }

  #closeBlock(tag: Tag, line: number): void {
    if (this.#open.hgroup > (tag.name === 'hgroup' ? 1 : 0)) {
      this.#lines.push('');
      return;
    }
    if (tag.line) this.#lines.push('');
    else this.#flush(line);
    if (tag.row) joinRow(this.#blocks, tag.row.block, tag.row.cells);
    if (tag.meta !== undefined) {
      const removal = withoutText(this.#blocks, tag.meta);
      if (removal) this.#removed.push(removal);
    }
    if (/^h[1-6]$/.test(tag.name) || tag.name === 'hgroup') this.#heading = 0;
    if (tag.mark) this.#closePage(tag.mark.block, line);
  }

  #openMark(tag: Tag, attributes: Readonly<Record<string, string>>, line: number): void {
    const { name } = tag;
    const kind = markOf(name, attributes);
    // Looking for marks in a long line again and again would take time in the square of its length.
    if (kind && this.#lines.at(-1)!.length > LINE_CHARS) this.#lines.push(GOES_ON);
    if (kind && (!tag.block || kind === 'page number')) {
      const length = this.#lines.at(-1)!.length;
      const href = attributes['href'] ?? '';
      tag.mark = { kind, href, line: this.#lines.length, length, linked: this.#linked, block: this.#blocks.length };
    }
    if (name === 'br') this.#break(line);
    if (name === 'q') this.#add(this.#open.q % 2 === 0 ? '“' : '‘', line);
    if (CELLS.has(name)) {
      this.#lines.push(`${this.#lines.pop()!} `);
      const row = this.#tags.at(-1)?.row;
      if (row) row.cells++;
    }
    if (name === 'img' || name === 'image') this.#picture(attributes, line);
    if (!tag.block && (isInitial(attributes) || ['span', 'font', 'big', 'b', 'strong'].includes(name)) && this.#isEmpty())
      tag.initial = true;
  }

  #isEmpty(): boolean {
    // Marks that were taken out may have left blank lines, but few.
    return this.#from === 0 || (this.#lines.length < 5 && this.#lines.every((part) => part.length <= BEFORE_CHARS && part.trim() === ''));
  }

  /** A line break; two in a row divide paragraphs, outside headings. */
  #break(line: number): void {
    const double = this.#lines.length > 1 && this.#lines.at(-1)!.trim() === '' && this.#heading === 0 && this.#open.hgroup === 0;
    if (double && !this.#isEmpty()) this.#flush(line);
    else if (!double) this.#lines.push('');
  }

  /** A picture: the letter that begins a block, or something to leave out. */
  #picture(attributes: Readonly<Record<string, string>>, line: number): void {
    const alt = (attributes['alt'] ?? '').trim();
    const file = /(?:^|[/_-])(?:drop|cap|dropcap|initial|init|letter)?[_-]?(\p{L})\.\w{3,4}$/iu.exec(attributes['src'] ?? '')?.[1] ?? '';
    const letter = /^["“‘']?\p{L}$/u.test(alt) ? alt : alt === '' ? file.toUpperCase() : '';
    if (letter && this.#isEmpty()) this.#cap = letter;
    else if (alt) this.#remove('illustration', alt, line, line);
  }

  /** Takes a mark out of its line again, if what is inside looks like one. */
  #closeMark({ kind, href, ...begin }: NonNullable<Tag['mark']>, line: number): void {
    // A raised number in a link is the link's.
    if (kind === 'raised' && this.#open.link > 0) return;
    if (begin.line !== this.#lines.length || begin.block !== this.#blocks.length) return;
    const text = this.#lines.at(-1)!.slice(begin.length).trim();
    const before = this.#before(begin.length);
    const leads = !before.trim();
    const arrow = isArrow(text);
    const target = href.slice(href.indexOf('#') + 1);
    if (kind === 'back link' || (kind === 'link' && arrow)) this.#back = true;
    const isMark = looksLikeMark(kind, { text, before, target, arrow });
    if (!isMark || !text) return;
    // The number of the note itself, which stays unless its block turns out to be a note.
    if (leads && kind !== 'page number' && !arrow) {
      this.#led = true;
      if (kind === 'link') return;
    } else if (href && !arrow) {
      this.#noted.add(target);
    }
    this.#lines.push(this.#lines.pop()!.slice(0, begin.length));
    this.#linked = begin.linked;
    this.#remove(kind === 'page number' ? kind : 'note mark', text, line, line);
  }

  /** The end of what stands before place `length` of the line in the making. */
  #before(length: number): string {
    const line = this.#lines.at(-1)!.slice(Math.max(0, length - BEFORE_CHARS), length);
    const above = this.#lines.at(-2)?.slice(-BEFORE_CHARS) ?? '';
    return line.startsWith(GOES_ON) ? above + line.slice(1) : `${above} ${line}`;
  }

  /** Drops the blocks since `from` if they are a page number and nothing more; whole chapters may stand inside such a tag. */
  #closePage(from: number, line: number): void {
    const inside = this.#blocks.slice(from);
    const text = inside.flatMap(({ lines }) => lines).join(' ');
    if (!text || text.length > MARK_CHARS) return;
    this.#blocks.length = from;
    this.#remove('page number', text, inside[0]!.from, line);
  }

  #lineAt(index: number): number {
    for (; this.#counted < index; this.#counted++) if (this.#source.charCodeAt(this.#counted) === 10) this.#line++;
    return this.#line;
  }

  #remove(what: Removal['what'], text: string, from: number, to: number): void {
    const sample = text.replace(/\s+/g, ' ').trim().slice(0, SAMPLE_CHARS);
    if (!sample) return;
    const removal = { where: this.#where, from, to, what, sample };
    const earlier = this.#removals.get(what);
    if (!MARKS.has(what)) this.#removed.push(removal);
    else if (earlier) Object.assign(earlier, { to, count: earlier.count + 1 });
    else this.#removals.set(what, { ...removal, count: 1 });
  }

  #add(text: string, line: number): void {
    if (this.#cap && text.trim()) text = this.#withCap(text, line);
    if (text.trim() && this.#from === 0) this.#from = line;
    if (this.#open.link > 0) this.#linked += text.trim().length;
    if (this.#open.anchor > 0) {
      this.#anchored += lettersOf(text);
      if (this.#open.media > 0) this.#media += lettersOf(text);
    }
    if (this.#open.pre === 0) {
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

  /** The text behind a picture of a letter, with the letter where a word goes on. */
  #withCap(text: string, line: number): string {
    const letter = this.#cap;
    this.#cap = '';
    // Many pages hold the letter too, and their style sheet hides it.
    const doubled = /^\s*["“‘']?\p{Lu}/u.exec(text)?.[0].trim().slice(-1) === letter.slice(-1);
    if (!doubled && /^[\p{L}’']/u.test(text)) return letter + text;
    const joins = !doubled && /^\s*\p{Ll}/u.test(text) && !/[AIO]$/i.test(letter);
    if (joins) return letter + text.trimStart();
    this.#remove('illustration', letter, line, line);
    return text;
  }

  /** Ends the block in the making, at line `to`. */
  #flush(to: number): void {
    const lines = wholeLines(this.#lines)
      .map((part) => part.replace(/[ \t\n\r\f]+/g, ' ').trim())
      .filter(Boolean);
    if (lines.length > 0) {
      if (this.#initial) lines[0] = lines[0]!.replace(/^(["“‘']?(?![AIO])\p{Lu}) (?=\p{Ll})/u, '$1');
      const level = this.#heading;
      const letters = this.#anchored > 0 ? lettersOf(lines.join('')) : 0;
      if (letters > 0 && this.#media >= letters) {
        this.#remove('illustration', lines.join(' '), this.#from || to, to);
        this.#begin();
        return;
      }
      const chars = lines.reduce((sum, part) => sum + part.length, 0);
      const kind = level > 0 ? 'heading' : this.#open.verse > 0 && lines.length > 1 ? 'verse' : 'text';
      this.#blocks.push({
        lines: kind === 'heading' ? [lines.join(' ')] : lines,
        kind,
        ...(level > 0 && { level }),
        linked: Math.min(1, this.#linked / chars),
        ...(letters > 0 && this.#anchored >= letters && { links: true }),
        ...(this.#ids.length > 0 && { ids: this.#ids }),
        ...((this.#led || this.#back) && { led: true }),
        where: this.#where,
        from: this.#from || to,
        to,
      });
      this.#ids = [];
    }
    this.#begin();
  }

  #begin(): void {
    this.#lines = [''];
    this.#linked = this.#anchored = this.#media = 0;
    this.#from = 0;
    this.#led = this.#back = this.#initial = false;
  }
}
