/** A block of running text. Lines of `verse` are separated by `\n`; other kinds hold no line breaks. */
export interface Paragraph {
  text: string;
  kind: 'prose' | 'verse' | 'heading';
}

/** A chapter: what is held out, and what a pair or paragraph never crosses. */
export interface Section {
  title: string;
  paragraphs: Paragraph[];
}

export interface Document {
  id: string;
  title: string;
  sections: Section[];
}

/** Something a reader of the source would miss in the documents. Lines are 1-based and inclusive, in the file named `where`. */
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
    | 'title page'
    | 'heading without text'
    | 'front matter'
    | 'page number'
    | 'running head'
    | 'code block'
    | 'note mark'
    | 'unreadable file';
  sample: string;
}
