import { TextError } from '../error.js';
import type { ParsedText, Removal } from '../types.js';
import { openArchive, type Archive } from './archive.js';
import { toDocument } from './block.js';
import { readHtml } from './html.js';
import { optionalPackage } from './optional.js';

// Added to the style map of mammoth, which knows "heading 1" to "heading 6".
const STYLES = ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => h2:fresh", 'br[type="page"] => hr'];
const SAMPLE_CHARS = 120;

/** A Word document (.docx) to one document. Lines in removals are paragraphs. @throws TextError when it is damaged or a bomb */
export async function parseDocx(bytes: Uint8Array, name: string): Promise<ParsedText> {
  // Unpacked here first, with limits: mammoth has none.
  const archive = await openArchive(bytes);
  const { buffer, removed } = await withoutUnseen(archive, bytes, name);
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
  const { notes = [], ...parsed } = toDocument({ ...marked, removed: [...marked.removed, ...removed] }, name);
  return {
    ...parsed,
    notes: [...(unknown.size > 0 ? [`parts of the Word document were not read: ${[...unknown].join(', ')}`] : []), ...notes],
  };
}

/** The document without hidden text, and with the base of a ruby instead of both; mammoth keeps the first and drops the second. */
async function withoutUnseen(archive: Archive, bytes: Uint8Array, name: string): Promise<{ buffer: Buffer; removed: Removal[] }> {
  const parts = archive.read(archive.names.filter((file) => file.endsWith('.xml')));
  const removed: Removal[] = [];
  const changed = new Map<string, Uint8Array>();
  for (const [path, data] of parts) {
    const xml = new TextDecoder().decode(data);
    if (!/^word\//.test(path) || !/<w:(?:ruby|vanish)\b/.test(xml)) continue;
    const { text, gone } = await simplified(xml);
    changed.set(path, new TextEncoder().encode(text));
    for (const [what, pieces] of gone) removed.push({ where: name, from: 1, to: 1, what, sample: pieces.join(' ').slice(0, SAMPLE_CHARS) });
  }
  if (changed.size === 0) return { buffer: Buffer.from(bytes), removed };
  const { zipSync } = await optionalPackage('fflate', () => import('fflate'));
  const files = Object.fromEntries([...archive.read(archive.names), ...changed]);
  return { buffer: Buffer.from(zipSync(files, { level: 0 })), removed };
}

interface Run {
  start: number;
  hidden: boolean;
  text: string;
}

/** A part of a Word document with its hidden runs cut out and each ruby replaced by its base. */
async function simplified(xml: string): Promise<{ text: string; gone: Map<Removal['what'], string[]> }> {
  const { Parser } = await optionalPackage('htmlparser2', () => import('htmlparser2'));
  const gone = new Map<Removal['what'], string[]>([
    ['hidden text', []],
    ['ruby reading', []],
  ]);
  const cuts: { start: number; end: number; by: string }[] = [];
  const runs: Run[] = [];
  let ruby: { start: number; base: [from: number, to: number]; reading: string } | undefined;
  let inReading = false;
  const parser = new Parser(
    {
      onopentag(tag, attributes) {
        if (tag === 'w:r') runs.push({ start: parser.startIndex, hidden: false, text: '' });
        else if (tag === 'w:vanish' && runs.length > 0) runs.at(-1)!.hidden = !/^(0|false|off)$/.test(attributes['w:val'] ?? '');
        else if (tag === 'w:ruby') ruby = { start: parser.startIndex, base: [0, 0], reading: '' };
        else if (tag === 'w:rt') inReading = true;
        else if (tag === 'w:rubyBase' && ruby) ruby.base[0] = parser.endIndex + 1;
      },
      ontext(text) {
        if (inReading && ruby) ruby.reading += text;
        else if (runs.length > 0) runs.at(-1)!.text += text;
      },
      onclosetag(tag) {
        if (tag === 'w:rt') inReading = false;
        else if (tag === 'w:rubyBase' && ruby) ruby.base[1] = parser.startIndex;
        else if (tag === 'w:ruby' && ruby) {
          cuts.push({ start: ruby.start, end: parser.endIndex + 1, by: `</w:r>${xml.slice(...ruby.base)}<w:r>` });
          gone.get('ruby reading')!.push(ruby.reading);
          ruby = undefined;
        } else if (tag === 'w:r') {
          const run = runs.pop();
          if (!run?.hidden || ruby) return;
          cuts.push({ start: run.start, end: parser.endIndex + 1, by: '' });
          gone.get('hidden text')!.push(run.text);
        }
      },
    },
    { xmlMode: true },
  );
  parser.write(xml);
  parser.end();
  let text = '';
  let done = 0;
  for (const { start, end, by } of cuts.sort((a, b) => a.start - b.start)) {
    if (start < done) continue;
    text += xml.slice(done, start) + by;
    done = end;
  }
  return { text: text + xml.slice(done), gone: new Map([...gone].filter(([, pieces]) => pieces.join('').trim() !== '')) };
}
