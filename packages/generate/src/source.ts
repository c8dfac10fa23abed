// Reads a text that is to be scored, with Node. The rest of the package runs in a browser too.
import { mustBe } from '@mdiff/arguments';
import { TextError } from '@mdiff/text/tokenizer';

/** The paragraphs of a file of any format, or of standard input (`-`), as training reads them: without headings, licence and title page. */
export async function loadText(source: string): Promise<string[]> {
  mustBe('loadText', 'source', source, 'string');
  // The readers of all formats are loaded only where a file is read.
  const { loadSource } = await import('@mdiff/text/node');
  const { documents } = await loadSource(source).catch((error: unknown) => {
    // Here the text comes from an argument and no key of a configuration.
    if (error instanceof TextError) error.message = error.message.replace(/^data\.source: /, 'text: ');
    throw error;
  });
  return documents.flatMap(({ sections }) =>
    sections.flatMap(({ paragraphs }) => paragraphs.filter(({ kind }) => kind !== 'heading').map(({ text }) => text)),
  );
}
