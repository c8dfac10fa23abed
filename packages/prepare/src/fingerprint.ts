import { createHash } from 'node:crypto';
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
  const hash = createHash('sha256');
  let bytes = 0;
  for (const { sections } of documents) {
    for (const { title, paragraphs } of sections) {
      hash.update(`${JSON.stringify(title)}\n`);
      for (const { kind, text } of paragraphs) {
        hash.update(`${kind} ${JSON.stringify(text)}\n`);
        bytes += Buffer.byteLength(text);
      }
    }
    hash.update('\n');
  }
  const [only, ...others] = documents;
  // A text without a title has the name of its file there.
  const title = only !== undefined && others.length === 0 && only.title !== only.id ? only.title.trim() : '';
  return { source, title: title || name, documents: documents.length, bytes, sha256: hash.digest('hex') };
}
