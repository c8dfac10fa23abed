import { openArchive } from './archive.js';
import { toDocument } from './block.js';
import { TextError } from '../error.js';
import { readHtml } from './html.js';
import { parser } from './optional.js';
import type { ParsedText } from './plain.js';

// Beside mammoth's own, which know "heading 1" to "heading 6".
const STYLES = ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => h2:fresh", 'br[type="page"] => hr'];

/** A Word document (.docx) to one document. Lines in removals are paragraphs. @throws TextError when it is damaged or a bomb */
export async function parseDocx(bytes: Uint8Array, name: string): Promise<ParsedText> {
  // Unpacked here first: mammoth would unpack whatever it is given.
  const archive = await openArchive(bytes);
  archive.read(archive.names.filter((file) => file.endsWith('.xml')));
  const { default: mammoth } = await parser('mammoth', () => import('mammoth'));
  const nothing = mammoth.images.imgElement(() => Promise.resolve({ src: '' }));
  const { value } = await mammoth
    .convertToHtml({ buffer: Buffer.from(bytes) }, { styleMap: STYLES, convertImage: nothing, ignoreEmptyParagraphs: false })
    .catch((error: Error) => {
      throw new TextError(`the Word document is damaged (${error.message.split('\n')[0]!}); save it again as .docx`);
    });
  // One block a line, so that lines can be reported as paragraphs.
  return toDocument(await readHtml(value.replace(/<\/(?:p|h[1-6]|li|tr)>/g, '$&\n'), name), name);
}
