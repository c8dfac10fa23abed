import { TextError } from '../error.js';
import type { ParsedText, Removal } from '../types.js';
import { openArchive, type Archive } from './archive.js';
import { toDocument, type Block } from './block.js';
import { decodeHtml, readHtml } from './html.js';
import { optionalPackage } from './optional.js';

interface Book {
  title: string | undefined;
  /** The pages in reading order; `left` is the reason to leave a whole page out. */
  pages: { path: string; left?: Removal['what'] }[];
}

const FRONT = /\b(cover|title-?page|copyright-page|imprint|colophon|halftitlepage)\b/i;
// The id or the file name of a front page, for books that mark it in no better way.
const FRONT_PAGE = /^(cover|coverpage|coverpage-wrapper|title|title[-_]?page|colophon|imprint|copyright)([._]x?html?)?$/i;
const LIST = /\b(toc|landmarks|loi|lot|page-list)\b/i;
// Free books may scramble their fonts, but never their pages.
const FONT_ONLY = /^http:\/\/(www\.idpf\.org\/2008\/embedding|ns\.adobe\.com\/pdf\/enc#RC)$/;

/** An EPUB 2 or 3 book to one document, in the order of its spine. @throws TextError for a damaged, a locked or an empty book */
export async function parseEpub(bytes: Uint8Array, name: string): Promise<ParsedText> {
  const archive = await openArchive(bytes);
  const { title, pages } = await readPackage(archive);
  const files = archive.read(pages.map(({ path }) => path));
  const blocks: Block[] = [];
  const removed: Removal[] = [];
  const where = (path: string) => `${name}/${path}`;
  for (const { path, left } of pages) {
    const file = files.get(path);
    if (!file) throw new TextError(`the EPUB lacks its page ${path}; get the book again`);
    const { text } = decodeHtml(file);
    if (left) {
      removed.push({ where: where(path), from: 1, to: text.trimEnd().split('\n').length, what: left, sample: 'the whole page' });
      continue;
    }
    const page = await readHtml(text, where(path));
    blocks.push(...page.blocks);
    removed.push(...page.removed);
  }
  return toDocument({ title, blocks, removed, order: pages.map(({ path }) => where(path)) }, name);
}

/** Reads the container and the package document (EPUB 3.3, sections 4.2 and 5). */
async function readPackage(archive: Archive): Promise<Book> {
  const container = 'META-INF/container.xml';
  if (archive.names.includes('META-INF/encryption.xml')) {
    const locked = (await elements(text(archive, 'META-INF/encryption.xml'))).some(
      ({ tag, attributes }) => local(tag) === 'EncryptionMethod' && !FONT_ONLY.test(attributes['Algorithm'] ?? ''),
    );
    if (locked) throw new TextError('the EPUB is locked (digital rights management); use a copy without it');
  }
  if (!archive.names.includes(container)) throw new TextError(`the EPUB lacks ${container}; get the book again`);
  const opf = (await elements(text(archive, container))).find(({ tag }) => local(tag) === 'rootfile')?.attributes['full-path'];
  if (opf === undefined || !archive.names.includes(opf))
    throw new TextError(`the EPUB lacks its package document ${opf ?? ''}; get the book again`);
  const all = await elements(text(archive, opf));
  const base = opf.includes('/') ? opf.slice(0, opf.lastIndexOf('/') + 1) : '';
  const path = (href: string) => resolvePath(base, href);
  const manifest = new Map(all.filter(({ tag }) => local(tag) === 'item').map(({ attributes }) => [attributes['id'], attributes]));
  const guide = new Map(
    all.filter(({ tag }) => local(tag) === 'reference').map(({ attributes }) => [path(attributes['href'] ?? ''), attributes['type'] ?? '']),
  );
  const book: Book = { title: all.find(({ tag }) => local(tag) === 'title')?.text.trim() || undefined, pages: [] };
  for (const { attributes } of all.filter(({ tag }) => local(tag) === 'itemref')) {
    const item = manifest.get(attributes['idref']);
    if (!item || !/html/i.test(item['media-type'] ?? '')) continue;
    const file = path(item['href'] ?? '');
    if (book.pages.some((page) => page.path === file)) continue;
    const role = guide.get(file) ?? '';
    const list = /\bnav\b/.test(item['properties'] ?? '') || LIST.test(role);
    const front =
      FRONT.test(role) ||
      [item['id'] ?? '', file.slice(file.lastIndexOf('/') + 1)].some((called) => FRONT_PAGE.test(called)) ||
      /\bcover-image\b/.test(item['properties'] ?? '');
    book.pages.push({ path: file, ...(list ? { left: 'contents list' } : front ? { left: 'front matter' } : {}) });
  }
  if (book.pages.every(({ left }) => left)) throw new TextError('the EPUB names no pages with text; get the book again');
  return book;
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

/** A reference of the package document as a name in the archive. */
function resolvePath(base: string, href: string): string {
  const parts: string[] = [];
  for (const part of (base + unescaped(href.replace(/[#?].*$/, ''))).split('/')) {
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
