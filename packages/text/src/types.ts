/** A block of running text. Lines of `verse` are separated by `\n`; other kinds hold no line breaks. */
export interface Paragraph {
  text: string;
  kind: 'prose' | 'verse' | 'heading';
}

/** A chapter. Whole chapters are held out, and no paragraph or pair of sentences crosses the border of one. */
export interface Section {
  title: string;
  paragraphs: Paragraph[];
}

export interface Document {
  id: string;
  title: string;
  sections: Section[];
}

/** A part of the source that mdiff left out of the documents. Lines are 1-based and inclusive, in the file named `where`. */
export interface Removal {
  where: string;
  from: number;
  to: number;
  what:
    | 'Gutenberg header'
    | 'Gutenberg licence'
    | 'producer note'
    | 'transcriber note'
    | 'illustration'
    | 'contents list'
    | 'navigation'
    | 'title page'
    | 'heading without text'
    | 'front matter'
    | 'page number'
    | 'running head'
    | 'code block'
    | 'note mark'
    | 'footnote'
    | 'sidenote'
    | 'rule'
    | 'ruby reading'
    | 'hidden text'
    | 'deleted text'
    | 'rotated text'
    | 'page beside the text'
    | 'end matter'
    | 'unreadable file';
  sample: string;
  /** How many lines it touches, where those are fewer than all from `from` to `to`. */
  lines?: number;
}

/** A file as one document. */
export interface ParsedText {
  document: Document;
  removed: Removal[];
  /** Changes that removed no text, one line each. */
  notes?: string[];
}
