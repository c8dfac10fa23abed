import { readFile } from 'node:fs/promises';
import { MdiffError } from '@mdiff/folder';

// Reading the files of an encoder. An error names the file and ends with the caller's remedy.

export type Problem = (path: string, expected: string, got: string) => MdiffError;
export const problemThen =
  (remedy: string): Problem =>
  (path, expected, got) =>
    new MdiffError('MDIFF_EMBEDDINGS', `${path}: expected ${expected}, got ${got}; ${remedy}`, 2);

export async function file(path: string, wrong: Problem): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw wrong(path, 'a readable file', error.code ?? error.message);
  });
}

export function parsed<T>(text: string, path: string, wrong: Problem): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw wrong(path, 'JSON', (error as Error).message);
  }
}
