type Attributes = Readonly<Record<string, string>>;

/** A tag of HTML that says the same as one of another vocabulary; `silent` for what holds no text. */
type Translate = (name: string, attributes: Attributes, depth: number) => [name: string, attributes?: Attributes];

export interface Vocabulary {
  translate: Translate;
  /** The tag that opens a division, which headings inside it belong to. */
  division: RegExp;
}

const heading = (depth: number): string => `h${Math.min(6, Math.max(1, depth + 1))}`;
const NOTE = { role: 'doc-footnote' };
const VERSE = { class: 'poem' };
const STANZA = { class: 'stanza' };

/** FictionBook 2 (fictionbook.org, schema 2.1). */
const fictionBook: Translate = (name, attributes, depth) => {
  if (name === 'book-title') return ['title'];
  if (name === 'description' || name === 'title-info') return ['head'];
  if (name === 'binary' || name === 'stylesheet') return ['script'];
  if (name === 'body' && attributes['name'] !== undefined) return ['aside', NOTE];
  if (name === 'title') return ['hgroup', { level: heading(depth).slice(1) }];
  if (name === 'subtitle') return ['h6'];
  if (name === 'poem') return ['div', VERSE];
  if (name === 'stanza') return ['div', STANZA];
  if (name === 'v') return ['div'];
  if (name === 'a') return attributes['type'] === 'note' ? ['a', { ...attributes, role: 'doc-noteref' }] : ['a', attributes];
  if (name === 'strikethrough') return ['del'];
  if (
    ['p', 'cite', 'epigraph', 'section', 'table', 'tr', 'td', 'th', 'sub', 'sup', 'text-author', 'empty-line', 'annotation'].includes(name)
  )
    return [name];
  return ['span'];
};

const TEI_BLOCKS =
  /^(div\d?|p|ab|list|item|label|sp|speaker|stage|floatingText|body|front|back|text|table|row|epigraph|opener|closer|salute|signed|dateline|argument|trailer|figure|byline|quote)$/;

/** TEI P5: the parts that books use. */
const tei: Translate = (name, attributes, depth) => {
  if (name === 'title') return ['title'];
  if (name === 'teiHeader') return ['head'];
  if (name === 'titlePage') return ['section', { role: 'doc-cover' }];
  if (name === 'head') return [heading(depth)];
  if (name === 'note') return ['aside', NOTE];
  if (name === 'figDesc') return ['figcaption'];
  if (name === 'lg') return ['div', { class: 'poem stanza' }];
  if (name === 'l') return ['div'];
  if (name === 'lb') return ['span'];
  if (name === 'cell') return ['td'];
  if (['sic', 'orig', 'del', 'fw'].includes(name)) return ['del'];
  if (name === 'ref' && /^(note|noteAnchor)$/.test(attributes['type'] ?? '')) return ['a', { role: 'doc-noteref' }];
  return [TEI_BLOCKS.test(name) ? 'div' : 'span'];
};

const VOCABULARIES: Readonly<Record<string, Vocabulary>> = {
  FictionBook: { translate: fictionBook, division: /^section$/ },
  TEI: { translate: tei, division: /^div\d?$/ },
  'TEI.2': { translate: tei, division: /^div\d?$/ },
  teiCorpus: { translate: tei, division: /^div\d?$/ },
};

/** True for the root of a book in XML that mdiff reads through its reader of HTML. */
export const isVocabulary = (root: string): boolean => Object.hasOwn(VOCABULARIES, root);

/** The vocabulary of a file that begins with one of these roots; undefined for HTML. */
export function vocabularyOf(source: string): Vocabulary | undefined {
  const root = /<(FictionBook|TEI\.2|TEI|teiCorpus)[\s>]/.exec(source.slice(0, 4096))?.[1];
  return root === undefined || /<html[\s>]/i.test(source.slice(0, 4096)) ? undefined : VOCABULARIES[root];
}
