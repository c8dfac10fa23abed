import type { Removal } from '../types.js';
import type { Archive } from './archive.js';
import { optionalPackage } from './optional.js';

// What mammoth does not read, or reads as no reader of the document would, is reported or put right here before it.

const SAMPLE_CHARS = 120;
const TEXT_PARTS = /^word\/(?:document\d*|footnotes|endnotes)\.xml$/;
const TOUCHED = /<w:(?:ruby|vanish|del|moveFrom|framePr)\b/;
/** Parts that stand beside the text. */
const BESIDE: [part: RegExp, what: Removal['what']][] = [
  [/^word\/comments\.xml$/, 'sidenote'],
  [/^word\/(?:header|footer)\d*\.xml$/, 'running head'],
];

/**
 * The document without hidden text, with the base of a ruby instead of both, and with each drop cap in the paragraph that it begins. Changes that an editor
 * tracked are accepted, as mammoth does.
 */
export async function preparedForMammoth(
  archive: Archive,
  bytes: Uint8Array,
  name: string,
): Promise<{ buffer: Buffer; removed: Removal[] }> {
  const parts = archive.read(archive.names.filter((file) => file.endsWith('.xml')));
  const removed: Removal[] = [];
  const remove = (what: Removal['what'], text: string): void => {
    const sample = text.replace(/\s+/g, ' ').trim().slice(0, SAMPLE_CHARS);
    if (sample) removed.push({ where: name, from: 1, to: 1, what, sample });
  };
  const changed = new Map<string, Uint8Array>();
  for (const [path, data] of parts) {
    const beside = BESIDE.find(([part]) => part.test(path))?.[1];
    if (beside) remove(beside, textOf(new TextDecoder().decode(data)));
    if (!TEXT_PARTS.test(path)) continue;
    const xml = new TextDecoder().decode(data);
    if (!TOUCHED.test(xml)) continue;
    const { text, gone } = await simplified(xml);
    if (text !== xml) changed.set(path, new TextEncoder().encode(text));
    for (const [what, pieces] of gone) remove(what, pieces.join(' '));
  }
  if (changed.size === 0) return { buffer: Buffer.from(bytes), removed };
  const { zipSync } = await optionalPackage('fflate', () => import('fflate'));
  const files = Object.fromEntries([...archive.read(archive.names), ...changed]);
  return { buffer: Buffer.from(zipSync(files, { level: 0 })), removed };
}

/** The letters of a part; its paragraphs are parted by blanks. */
const textOf = (xml: string): string =>
  Array.from(xml.matchAll(/<w:t(?: [^>]*)?>([^<]*)<\/w:t>|<\/w:p>/g), ([, text]) => text ?? ' ').join('');

interface Run {
  start: number;
  hidden: boolean;
  text: string;
}

interface Cut {
  start: number;
  end: number;
  by: string;
}

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

/** Reads one part and collects what to cut out of it. */
class Simplifier {
  readonly cuts: Cut[] = [];
  readonly gone = new Map<Removal['what'], string[]>();
  readonly #xml: string;
  readonly #runs: Run[] = [];
  readonly #paragraphs: { start: number; drops: boolean; text: string }[] = [];
  #ruby: { start: number; base: [from: number, to: number]; reading: string } | undefined;
  #inReading = false;
  /** Deletions that are open, with the text of the outermost one. */
  #deletions = 0;
  #deleted = '';
  /** A drop cap that waits for its paragraph. */
  #cap = '';

  constructor(xml: string) {
    this.#xml = xml;
  }

  open(tag: string, attributes: Readonly<Record<string, string>>, [start, end]: readonly [number, number]): void {
    if (tag === 'w:p') this.#paragraphs.push({ start, drops: false, text: '' });
    else if (tag === 'w:framePr' && /^(drop|margin)$/.test(attributes['w:dropCap'] ?? '')) this.#drop();
    else if (tag === 'w:r') {
      if (this.#cap && !this.#paragraphs.at(-1)?.drops) {
        this.cuts.push({ start, end: start, by: `<w:r><w:t>${escaped(this.#cap)}</w:t></w:r>` });
        this.#cap = '';
      }
      this.#runs.push({ start, hidden: false, text: '' });
    } else if (tag === 'w:vanish' && this.#runs.length > 0) this.#runs.at(-1)!.hidden = !/^(0|false|off)$/.test(attributes['w:val'] ?? '');
    else if (tag === 'w:ruby') this.#ruby = { start, base: [0, 0], reading: '' };
    else if (tag === 'w:rt') this.#inReading = true;
    else if (tag === 'w:rubyBase' && this.#ruby) this.#ruby.base[0] = end + 1;
    else if (tag === 'w:del' || tag === 'w:moveFrom') this.#deletions++;
  }

  text(text: string): void {
    if (this.#inReading && this.#ruby) this.#ruby.reading += text;
    else if (this.#deletions > 0) this.#deleted += text;
    else if (this.#runs.length > 0) {
      this.#runs.at(-1)!.text += text;
      const paragraph = this.#paragraphs.at(-1);
      if (paragraph?.drops) paragraph.text += text;
    }
  }

  close(tag: string, [start, end]: readonly [number, number]): void {
    if (tag === 'w:rt') this.#inReading = false;
    else if (tag === 'w:rubyBase' && this.#ruby) this.#ruby.base[1] = start;
    else if (tag === 'w:ruby' && this.#ruby) {
      this.cuts.push({ start: this.#ruby.start, end: end + 1, by: `</w:r>${this.#xml.slice(...this.#ruby.base)}<w:r>` });
      this.#report('ruby reading', this.#ruby.reading);
      this.#ruby = undefined;
    } else if (tag === 'w:r') {
      const run = this.#runs.pop();
      if (!run?.hidden || this.#ruby) return;
      this.cuts.push({ start: run.start, end: end + 1, by: '' });
      this.#report('hidden text', run.text);
    } else if (tag === 'w:p') {
      const paragraph = this.#paragraphs.pop();
      if (!paragraph?.drops) return;
      this.cuts.push({ start: paragraph.start, end: end + 1, by: '' });
      this.#cap = paragraph.text.trim();
    } else if ((tag === 'w:del' || tag === 'w:moveFrom') && --this.#deletions === 0) {
      this.#report('deleted text', this.#deleted);
      this.#deleted = '';
    }
  }

  #drop(): void {
    const paragraph = this.#paragraphs.at(-1);
    if (paragraph) paragraph.drops = true;
  }

  #report(what: Removal['what'], text: string): void {
    if (!text.trim()) return;
    const earlier = this.gone.get(what);
    if (earlier) earlier.push(text);
    else this.gone.set(what, [text]);
  }
}

async function simplified(xml: string): Promise<{ text: string; gone: Simplifier['gone'] }> {
  const { Parser } = await optionalPackage('htmlparser2', () => import('htmlparser2'));
  const reader = new Simplifier(xml);
  const place = (): [number, number] => [parser.startIndex, parser.endIndex];
  const parser = new Parser(
    {
      onopentag: (tag, attributes) => reader.open(tag, attributes, place()),
      ontext: (text) => reader.text(text),
      onclosetag: (tag) => reader.close(tag, place()),
    },
    { xmlMode: true },
  );
  parser.write(xml);
  parser.end();
  let text = '';
  let done = 0;
  for (const { start, end, by } of reader.cuts.sort((a, b) => a.start - b.start)) {
    if (start < done) continue;
    text += xml.slice(done, start) + by;
    done = end;
  }
  return { text: text + xml.slice(done), gone: reader.gone };
}
