import { TextError } from '../error.js';
import type { ParsedText, Removal } from '../types.js';
import { openArchive, type Archive } from './archive.js';
import { toDocument, type Block } from './block.js';
import { decodeHtml, readHtml } from './html.js';
import { withChapters, type Entry } from './navigation.js';
import { optionalPackage } from './optional.js';

interface Page {
  /** Its name in the archive; undefined where the archive lacks it. */
  path: string | undefined;
  /** Its name in the package document. */
  href: string;
  /** The reason to leave out the whole page. */
  left?: Removal['what'];
}

interface Book {
  title: string | undefined;
  /** The pages in reading order. */
  pages: Page[];
  /** The document that lists the chapters (nav or NCX), in the archive. */
  contents: string | undefined;
  notes: string[];
}

const FRONT = /\b(cover|title-?page|copyright-page|imprint|colophon|halftitlepage)\b/i;
// The id or the file name of a front page, for books that mark it in no better way.
const FRONT_PAGE = /^(cover|coverpage|coverpage-wrapper|title|title[-_]?page|colophon|imprint|copyright)([._]x?html?)?$/i;
const LIST = /\b(toc|landmarks|loi|lot|page-list)\b/i;
const NO_TEXT = /^(image|audio|video|font)\/|pdf|css|javascript|font|smil/i;
// Free books may scramble their fonts, but never their pages.
const FONT_ONLY = /^http:\/\/(www\.idpf\.org\/2008\/embedding|ns\.adobe\.com\/pdf\/enc#RC)$/;

/** An EPUB 2 or 3 book to one document, in the order of its spine. @throws TextError for a damaged, a locked or an empty book */
export async function parseEpub(bytes: Uint8Array, name: string): Promise<ParsedText & { encoding: string }> {
  const archive = await openArchive(bytes);
  const shelf = shelfOf(archive);
  const { title, pages, contents, notes } = await readPackage(archive, shelf);
  const files = archive.read(pages.flatMap(({ path }) => (path === undefined ? [] : [path])));
  const blocks: Block[] = [];
  const removed: Removal[] = [];
  const noted = new Set<string>();
  const encodings = new Set<string>();
  const where = (path: string) => `${name}/${path}`;
  for (const { path, href, left } of pages) {
    const file = path === undefined ? undefined : files.get(path);
    if (path === undefined || !file) {
      removed.push({ where: where(href), from: 1, to: 1, what: 'unreadable file', sample: 'the EPUB lacks this page' });
      continue;
    }
    const { text, encoding } = decodeHtml(file);
    encodings.add(encoding);
    const page = await readHtml(/^\s*</.test(text) ? text : `<pre>${text.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</pre>`, where(path));
    if (left) {
      const sample =
        page.blocks
          .flatMap(({ lines }) => lines)
          .join(' ')
          .slice(0, SAMPLE_CHARS) || 'the whole page';
      removed.push({ where: where(path), from: 1, to: text.trimEnd().split('\n').length, what: left, sample });
      continue;
    }
    for (const block of page.blocks) blocks.push(block);
    for (const removal of page.removed) removed.push(removal);
    for (const id of page.noted ?? []) noted.add(id);
  }
  if (pages.every(({ path }) => path === undefined)) throw new TextError(`the EPUB lacks its page ${pages[0]!.href}; get the book again`);
  const entries = contents === undefined ? [] : await entriesOf(archive, shelf, { contents, where });
  const order = pages.map(({ path, href }) => where(path ?? href));
  const parsed = toDocument({ title, blocks: withChapters(blocks, entries), removed, noted, order }, name);
  const odd = [...encodings].filter((encoding) => !/^UTF-8(?!, though)/.test(encoding));
  return { ...parsed, encoding: odd.length > 0 ? odd.join(' and ') : 'UTF-8', notes: [...notes, ...(parsed.notes ?? [])] };
}

const SAMPLE_CHARS = 160;

/** Finds files by the names that books call them. */
interface Shelf {
  /** The folder inside the archive that holds the book, with a slash at its end. */
  base: string;
  find(name: string): string | undefined;
}

/** Names are tried as they are, unescaped, with their accents put together, and in other case. */
function shelfOf({ names }: Archive): Shelf {
  const container = names.find((name) => /(^|\/)META-INF\/container\.xml$/i.test(name)) ?? '';
  const base = container.slice(0, Math.max(0, container.search(/META-INF\/[^/]*$/i)));
  const exact = new Set(names);
  const composed = new Map(names.map((name) => [name.normalize('NFC'), name]));
  const lower = new Map(names.map((name) => [name.normalize('NFC').toLowerCase(), name]));
  const find = (wanted: string): string | undefined => {
    const spellings = [...new Set([wanted, unescaped(wanted)])];
    const look = (table: (name: string) => string | undefined): string | undefined =>
      spellings.map(table).find((name) => name !== undefined);
    return (
      look((name) => (exact.has(name) ? name : undefined)) ??
      look((name) => composed.get(name.normalize('NFC'))) ??
      look((name) => lower.get(name.normalize('NFC').toLowerCase()))
    );
  };
  return { base, find };
}

/** Refuses a book that is locked. */
async function refuseLocked(archive: Archive, { base, find }: Shelf): Promise<void> {
  const encryption = find(`${base}META-INF/encryption.xml`);
  if (encryption === undefined) return;
  const locked = (await elements(text(archive, encryption))).some(
    ({ tag, attributes }) => local(tag) === 'EncryptionMethod' && !FONT_ONLY.test(attributes['Algorithm'] ?? ''),
  );
  if (locked) throw new TextError('the EPUB is locked (digital rights management); use a copy without it');
}

/** The package document that the container names, or the only one there is (EPUB 3.3, section 4.2.6.3). */
async function packageOf(archive: Archive, { base, find }: Shelf): Promise<{ path: string; notes: string[] }> {
  const container = find(`${base}META-INF/container.xml`);
  const alone = archive.names.filter((name) => /\.opf$/i.test(name));
  if (container === undefined) {
    if (alone.length === 1) return { path: alone[0]!, notes: ['the EPUB lacks its container; mdiff read the only package document'] };
    throw new TextError('the EPUB lacks META-INF/container.xml; get the book again');
  }
  const all = (await elements(text(archive, container))).filter(({ tag }) => local(tag) === 'rootfile');
  const named = all.filter(({ attributes }) => !/pdf|image/i.test(attributes['media-type'] ?? ''));
  const paths = named
    .flatMap(({ attributes }) => find(base + (attributes['full-path'] ?? '')) ?? [])
    .filter((path) => !/\.pdf$/i.test(path));
  const path = paths[0] ?? (alone.length === 1 ? alone[0] : undefined);
  if (path === undefined)
    throw new TextError(`the EPUB lacks its package document ${named[0]?.attributes['full-path'] ?? ''}; get the book again`);
  return { path, notes: all.length > 1 ? [`the EPUB holds ${all.length} renditions; mdiff read ${path}`] : [] };
}

/** Reads the container and the package document (EPUB 3.3, sections 4.2 and 5). */
async function readPackage(archive: Archive, shelf: Shelf): Promise<Book> {
  await refuseLocked(archive, shelf);
  const { path: opf, notes } = await packageOf(archive, shelf);
  const all = await elements(text(archive, opf));
  const base = opf.includes('/') ? opf.slice(0, opf.lastIndexOf('/') + 1) : '';
  const named = (tag: string) => all.filter((element) => local(element.tag) === tag);
  const manifest = new Map(named('item').map(({ attributes }) => [attributes['id'], attributes]));
  const guide = new Map(
    named('reference').map(({ attributes }) => [shelf.find(resolvePath(base, attributes['href'] ?? '')), attributes['type'] ?? '']),
  );
  const items = [...manifest.values()];
  const contents =
    items.find(({ properties }) => /\bnav\b/.test(properties ?? '')) ?? items.find((item) => /dtbncx/.test(item['media-type'] ?? ''));
  const book: Book = {
    title: named('title')[0]?.text.trim() || undefined,
    pages: [],
    contents: contents && shelf.find(resolvePath(base, contents['href'] ?? '')),
    notes,
  };
  const seen = new Set<string>();
  for (const { attributes } of named('itemref')) {
    const item = manifest.get(attributes['idref']);
    if (!item || NO_TEXT.test(item['media-type'] ?? '')) continue;
    const href = resolvePath(base, item['href'] ?? '');
    const path = shelf.find(href);
    if (seen.has(path ?? href)) continue;
    seen.add(path ?? href);
    const left =
      leftOf(item, path === undefined ? '' : (guide.get(path) ?? ''), path ?? href) ??
      (attributes['linear'] === 'no' ? 'page beside the text' : undefined);
    book.pages.push({ path, href, ...(left && { left }) });
  }
  if (book.pages.every(({ left }) => left)) throw new TextError('the EPUB names no pages with text; get the book again');
  return book;
}

/** The entries of the navigation document of EPUB 3, or of the NCX of EPUB 2. */
async function entriesOf(
  archive: Archive,
  { find }: Shelf,
  { contents, where }: { contents: string; where: (path: string) => string },
): Promise<Entry[]> {
  const base = contents.includes('/') ? contents.slice(0, contents.lastIndexOf('/') + 1) : '';
  const all = await elements(text(archive, contents));
  const place = (label: string, href: string): Entry[] => {
    const path = find(resolvePath(base, href));
    const id = href.includes('#') ? href.slice(href.indexOf('#') + 1) : '';
    return path === undefined ? [] : [{ label: label.replace(/\s+/g, ' ').trim(), where: where(path), id }];
  };
  const entries: Entry[] = [];
  let label = '';
  let listed = false;
  for (const { tag, attributes, text: words } of all) {
    const name = local(tag);
    // Page lists and landmarks are no chapters.
    if (name === 'nav') listed = /\btoc\b/.test(attributes['epub:type'] ?? attributes['role'] ?? 'toc');
    if (name === 'navMap') listed = true;
    if (name === 'pageList') listed = false;
    if (!listed) continue;
    if (name === 'text') label = words;
    if (name === 'content') entries.push(...place(label, attributes['src'] ?? ''));
    if (name === 'a') entries.push(...place(words, attributes['href'] ?? ''));
  }
  return entries;
}

/** The reason to leave out a page: its role in the book, or else its name. */
function leftOf(item: Record<string, string>, role: string, path: string): Removal['what'] | undefined {
  if (/\bnav\b/.test(item['properties'] ?? '') || LIST.test(role)) return 'contents list';
  const names = [item['id'] ?? '', path.slice(path.lastIndexOf('/') + 1)];
  const front = FRONT.test(role) || names.some((called) => FRONT_PAGE.test(called)) || /\bcover-image\b/.test(item['properties'] ?? '');
  return front ? 'front matter' : undefined;
}

const text = (archive: Archive, name: string) => decodeHtml(archive.read([name]).get(name)!).text;
const local = (tag: string) => tag.slice(tag.indexOf(':') + 1);

interface Element {
  tag: string;
  attributes: Record<string, string>;
  text: string;
}

/** All elements of an XML text in document order, each with the text directly inside. */
async function elements(xml: string): Promise<Element[]> {
  const { Parser } = await optionalPackage('htmlparser2', () => import('htmlparser2'));
  const all: Element[] = [];
  const stack: Element[] = [];
  const parser = new Parser(
    {
      onopentag(tag, attributes) {
        const element = { tag, attributes, text: '' };
        all.push(element);
        stack.push(element);
      },
      ontext: (chunk) => void (stack.length > 0 && (stack.at(-1)!.text += chunk)),
      onclosetag: () => void stack.pop(),
    },
    { xmlMode: true },
  );
  parser.end(xml);
  return all;
}

/** A reference of the package document as a name in the archive, still escaped. */
function resolvePath(base: string, href: string): string {
  const parts: string[] = [];
  for (const part of (base + href.replace(/[#?].*$/, '')).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}

/** Many books refer to a file with a percent sign in its name by that name, unescaped. */
function unescaped(href: string): string {
  try {
    return decodeURIComponent(href);
  } catch {
    return href;
  }
}
