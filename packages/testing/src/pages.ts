// The Markdown pages of a checkout and their code blocks, for the tests that keep pages true.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

// Folders of a checkout that are not its own: installed, built, made by a run, or texts to read.
const foreign = new Set(['node_modules', 'dist', 'outputs', 'cache', '.git', '.nx', '.venv', 'shared', 'fixtures']);

/** The files of a checkout, as paths with `/`, without what is installed, built or made by a run. */
export function filesOf(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    return foreign.has(entry.name) ? [] : entry.isDirectory() ? filesOf(root, path) : entry.isFile() ? [path] : [];
  });
}

export interface CodeBlock {
  /** what stands behind the fence; empty if nothing does */
  language: string;
  code: string;
  /** of the fence, counted from 1 */
  line: number;
}

/** The fenced code blocks of a Markdown text, in order, without their indentation in a list. */
export function blocksOf(text: string): CodeBlock[] {
  return [...text.matchAll(/^( *)(`{3,})([^\n`]*)\n(.*?)^\1\2 *$/gms)].map((match) => ({
    language: match[3]!.trim(),
    code: match[4]!.replace(new RegExp(`^${match[1]}`, 'gm'), ''),
    line: text.slice(0, match.index).split('\n').length,
  }));
}
