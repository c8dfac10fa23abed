import { TextError } from '../error.js';
import type { ParsedText } from '../types.js';
import { openArchive } from './archive.js';
import { toDocument } from './block.js';
import { readHtml } from './html.js';
import { optionalPackage } from './optional.js';

// Added to the style map of mammoth, which knows "heading 1" to "heading 6".
const STYLES = ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => h2:fresh", 'br[type="page"] => hr'];

/** A Word document (.docx) to one document. Lines in removals are paragraphs. @throws TextError when it is damaged or a bomb */
export async function parseDocx(bytes: Uint8Array, name: string): Promise<ParsedText> {
  // Unpacked here first, with limits: mammoth has none.
  const archive = await openArchive(bytes);
  archive.read(archive.names.filter((file) => file.endsWith('.xml')));
  const { default: mammoth } = await optionalPackage('mammoth', () => import('mammoth'));
  const noImage = mammoth.images.imgElement(() => Promise.resolve({ src: '' }));
  const { value } = await mammoth
    .convertToHtml({ buffer: Buffer.from(bytes) }, { styleMap: STYLES, convertImage: noImage, ignoreEmptyParagraphs: false })
    .catch((error: Error) => {
      throw new TextError(`the Word document is damaged (${error.message.split('\n')[0]!}); save it again as .docx`);
    });
  // One block a line, so that lines can be reported as paragraphs.
  return toDocument(await readHtml(value.replace(/<\/(?:p|h[1-6]|li|tr)>/g, '$&\n'), name), name);
}
