import type { Removal } from '../types.js';

type Attributes = Readonly<Record<string, string>>;

/** The reason to leave out a tag with everything inside; `silent` where nothing in it is text. */
export type Skip = Removal['what'] | 'silent';

const SILENT_INLINE = new Set('script style svg math template select button textarea map datalist progress meter embed rp'.split(' '));
const SILENT_BLOCKS = new Set('nav noscript iframe object audio video canvas dialog applet'.split(' '));
/** Tags inside running text. All others divide it, also those that HTML does not know; names with a colon are Word's marks inside a line. */
const INLINE = new Set(
  (
    'a abbr acronym b bdi bdo big blink br cite code data del dfn em font i img input ins kbd label mark nobr output picture q rb rt rtc ruby s samp ' +
    'small source span strike strong sub sup td th time track tt u var wbr head title meta link base html col colgroup area param'
  ).split(' '),
);
/** Tags that may stand in a head. */
export const HEAD = new Set('head title meta link base script style noscript template'.split(' '));

const VERSE = /\b(poem|poetry|verse|stanza|linegroup|z3998:(poem|verse|song|hymn))\b/i;
const STANZA = /\b(stanza|linegroup)\b/i;
const PAGE_NUMBER = /\b(page-?num(ber)?s?|page-?break|pagebreak|doc-pagebreak|pgnum)\b/i;
const NOTE_MARK = /\b(noteref|doc-noteref|fnanchor|footnote-?ref|footnote-?anchor|fn-?ref|MsoFootnoteReference|MsoEndnoteReference)\b/i;
const BACK_LINK = /\b(doc-backlink|backlink)\b/i;
const NOTE = /\b(footnotes?|endnotes?|rearnotes?|doc-footnote|doc-endnotes?)\b/i;
const FRONT = /\b(cover|titlepage|halftitlepage|copyright-page|imprint|colophon|doc-cover|doc-colophon)\b/i;
const LIST = /\b(toc|landmarks|loi|lot|page-list|doc-toc)\b/i;
const EDITION = /\b(trans-?notes?|transcribers?-?notes?|transcriber|tnotes?|tn-?box)\b/i;
const CAPTION = /\b(caption|figcaption)\b/i;
const INITIAL = /\b(drop-?caps?|dropinit|initial|first-?letter|lettrine)\b/i;
const AUTHOR_NOTE = /\bauthors?-?notes?\b/i;
// What a site puts around a text.
const SITE_ROLE = /\b(dialog|alertdialog|navigation|search|contentinfo|menu|menubar)\b/i;
const COMMENTS = new Set('comments comment-list commentlist comments-area comments-section disqus_thread'.split(' '));
const UNSEEN = /\b(sr-only|visually-?hidden|screen-?reader(-text)?)\b/i;
const UNSEEN_STYLE = /display\s*:\s*none|visibility\s*:\s*hidden/i;

const rolesOf = (attributes: Attributes): string => `${attributes['epub:type'] ?? ''} ${attributes['role'] ?? ''}`;
const marksOf = (attributes: Attributes): string => `${attributes['class'] ?? ''} ${rolesOf(attributes)}`;

export const isBlock = (name: string): boolean => !INLINE.has(name) && !SILENT_INLINE.has(name) && !name.includes(':');

/** What the attributes of a block say about the lines inside. */
export function verseOf(attributes: Attributes): { verse: boolean; stanza: boolean } {
  const marks = marksOf(attributes);
  return { verse: VERSE.test(marks), stanza: STANZA.test(marks) };
}

/** True for a tag that calls itself a drop cap. */
export const isInitial = (attributes: Attributes): boolean => INITIAL.test(attributes['class'] ?? '');

/** The reason to leave out a tag with everything inside, if there is one. */
export function skipOf(name: string, attributes: Attributes): Skip | undefined {
  const [roles, marks] = [rolesOf(attributes), marksOf(attributes)];
  if (SILENT_INLINE.has(name) || SILENT_BLOCKS.has(name)) return 'silent';
  if (name === 'rt' || name === 'rtc') return 'ruby reading';
  if (name === 'del' || name === 's' || name === 'strike') return 'deleted text';
  if (name !== 'html' && name !== 'body' && isUnseen(attributes, marks)) return 'hidden text';
  if (FRONT.test(roles)) return 'front matter';
  if (LIST.test(roles)) return 'contents list';
  if (NOTE.test(isBlock(name) ? marks : roles) && name !== 'body' && name !== 'html') return 'footnote';
  if (isBlock(name) && SITE_ROLE.test(attributes['role'] ?? '')) return 'navigation';
  if (isBlock(name) && isComments(attributes)) return 'page beside the text';
  if (isBlock(name) && AUTHOR_NOTE.test(attributes['class'] ?? '')) return 'sidenote';
  if (EDITION.test(attributes['class'] ?? '') && isBlock(name)) return 'transcriber note';
  if (name === 'figcaption' || (CAPTION.test(marks) && isBlock(name))) return 'illustration';
  return undefined;
}

const wordsOf = (attributes: Attributes): string[] => `${attributes['class'] ?? ''} ${attributes['id'] ?? ''}`.toLowerCase().split(/\s+/);
const isComments = (attributes: Attributes): boolean => wordsOf(attributes).some((word) => COMMENTS.has(word));

/** True for a tag around facts on a text, such as its tags and its summary, in which only headings are the text's. */
export const isMeta = (attributes: Attributes): boolean =>
  (attributes['class'] ?? '').split(/\s+/).some((word) => /^meta(data)?$/i.test(word));

const MOST_STYLES = 200_000;

/** The classes that the style sheet of a page hides on every device. */
export function hiddenClasses(styles: string): string[] {
  if (!/display\s*:\s*none/i.test(styles)) return [];
  const sheet = styles
    .slice(0, MOST_STYLES)
    .replace(/\/\*(?:(?!\*\/)[\s\S])*\*\//g, '')
    .replace(/@[\w-]+[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}/g, '');
  return Array.from(sheet.matchAll(/([^{}]*)\{([^{}]*)\}/g)).flatMap(([, selectors = '', rules = '']) =>
    /display\s*:\s*none/i.test(rules)
      ? selectors.split(',').flatMap((selector) => /^\s*(?:\w+)?\.([\w-]+)\s*$/.exec(selector)?.[1] ?? [])
      : [],
  );
}

const isUnseen = (attributes: Attributes, marks: string): boolean =>
  'hidden' in attributes || attributes['aria-hidden'] === 'true' || UNSEEN.test(marks) || UNSEEN_STYLE.test(attributes['style'] ?? '');

/** A tag that may be no more than a mark, if what is inside is short: a page number, or the number of a note. */
export function markOf(name: string, attributes: Attributes): 'page number' | 'note mark' | 'back link' | 'link' | 'raised' | undefined {
  const marks = marksOf(attributes);
  if (PAGE_NUMBER.test(marks)) return 'page number';
  if (BACK_LINK.test(marks)) return 'back link';
  if (NOTE_MARK.test(marks)) return 'note mark';
  if (name === 'a' && attributes['href']?.includes('#')) return 'link';
  return name === 'sup' ? 'raised' : undefined;
}
