import { TextError } from '../error.js';
import type { ParsedText } from '../types.js';
import { openArchive } from './archive.js';
import { toDocument } from './block.js';
import { preparedForMammoth } from './docxparts.js';
import { readHtml } from './html.js';
import { optionalPackage } from './optional.js';

// Added to the style map of mammoth, which knows "heading 1" to "heading 6".
const STYLES = ["p[style-name='Title'] => h1.title:fresh", "p[style-name='Subtitle'] => h2:fresh", 'br[type="page"] => hr'];

/** A Word document (.docx) to one document. Lines in removals are paragraphs. @throws TextError when it is damaged or a bomb */
export async function parseDocx(bytes: Uint8Array, name: string): Promise<ParsedText> {
  // Unpacked here first, with limits: mammoth has none.
  const archive = await openArchive(bytes);
  const { buffer, removed } = await preparedForMammoth(archive, bytes, name);
  const { default: mammoth } = await optionalPackage('mammoth', () => import('mammoth'));
  const noImage = mammoth.images.imgElement(() => Promise.resolve({ src: '' }));
  const { value, messages } = await mammoth
    .convertToHtml({ buffer }, { styleMap: STYLES, convertImage: noImage, ignoreEmptyParagraphs: false })
    .catch((error: Error) => {
      throw new TextError(`the Word document is damaged (${error.message.split('\n')[0]!}); save it again as .docx`);
    });
  const unknown = new Set(messages.flatMap(({ message }) => /element was ignored: (\S+)/.exec(message)?.[1] ?? []));
  // One block a line, so that lines can be reported as paragraphs.
  const marked = await readHtml(value.replace(/<\/(?:p|h[1-6]|li|tr)>/g, '$&\n'), name);
  const { notes = [], ...parsed } = toDocument({ ...marked, title: titleOf(value), removed: [...marked.removed, ...removed] }, name);
  return {
    ...parsed,
    notes: [...(unknown.size > 0 ? [`parts of the Word document were not read: ${[...unknown].join(', ')}`] : []), ...notes],
  };
}

/** The text of the paragraph that has the style of a title. */
const titleOf = (html: string): string | undefined =>
  /<h1 class="title">(.{1,1000}?)<\/h1>/
    .exec(html)?.[1]
    ?.replace(/<[^>]*>/g, '')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .trim() || undefined;
