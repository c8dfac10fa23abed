import { createHash, type Hash } from 'node:crypto';
import type { Document } from '@mdiff/text';
import type { LoadedSource } from '@mdiff/text/node';

/** Identifies the text of a run: two sources with the same prepared text have the same `sha256`, wherever they lie. */
export interface TextFingerprint {
  /** `data.source` */
  source: string;
  /** the title for people: of the only document, else the name of the source */
  title: string;
  documents: number;
  /** UTF-8 bytes of the prepared paragraphs, the held-out ones included */
  bytes: number;
  sha256: string;
}

/** The fingerprint of a text as mdiff prepares it: cleaned and divided, before anything is held out. */
export function fingerprintText(source: string, { documents, name }: Pick<LoadedSource, 'documents' | 'name'>): TextFingerprint {
  const texts = documents.flatMap(({ sections }) => sections.flatMap(({ paragraphs }) => paragraphs));
  const [only] = documents;
  // A text without a title has the name of its file there.
  const title = only !== undefined && only.title !== only.id ? only.title : undefined;
  return combine(source, name, {
    titles: [title, ...documents.slice(1).map((document) => document.title)],
    bytes: texts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
    hashes: documents.map((document) => hashDocument(document, createHash('sha256')).digest('hex')),
  });
}

/** The fingerprint of a text from the hashes of its documents. */
export function combine(
  source: string,
  name: string,
  { titles, bytes, hashes }: { titles: readonly (string | undefined)[]; bytes: number; hashes: readonly string[] },
): TextFingerprint {
  const only = titles.length === 1 ? (titles[0]?.trim() ?? '') : '';
  const sha256 = createHash('sha256').update(hashes.join('\n')).digest('hex');
  return { source, title: only || name, documents: hashes.length, bytes, sha256 };
}

/** Adds a document to a hash. The name of its file, which stands for a missing title, does not count. */
export function hashDocument({ id, sections }: Document, hash: Hash): Hash {
  for (const { title, paragraphs } of sections) {
    hash.update(`${JSON.stringify(title === id ? '' : title)}\n`);
    for (const { kind, text } of paragraphs) hash.update(`${kind} ${JSON.stringify(text)}\n`);
  }
  return hash;
}
