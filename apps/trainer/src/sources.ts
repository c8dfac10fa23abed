import { resolve } from 'node:path';
import { statSync } from 'node:fs';
import { UsageError } from '@mdiff/cli';
import { overridden, type ProjectConfig } from '@mdiff/config';

/** A configuration given as a text would be learned word for word. */
function refuseConfiguration(book: string): void {
  if (/\.ya?ml$/i.test(book))
    throw new UsageError(`${book} is a configuration, not a text; did you mean --config ${book}? (to learn its text, name a copy .txt)`);
}

/** A book argument as `data.source`. Paths become absolute, so that they mean the same in every folder. @throws UsageError for a configuration */
export function sourceOf(book: string): string {
  refuseConfiguration(book);
  return book === '-' || book.startsWith('builtin:') ? book : resolve(book);
}

/** A name in a pattern, where it stands for itself. */
const escaped = (name: string): string => name.replace(/[\\()[\]{}!*+?@$^|,]/g, '\\$&');

/** A pattern passes over what does not exist, so a misspelt name among several would be left out without a word. */
function isFolder(book: string): boolean {
  const found = statSync(book, { throwIfNoEntry: false });
  if (!found) throw new UsageError(`${book}: no such file or folder; of several texts each must be a file, an archive or a folder`);
  return found.isDirectory();
}

/** Several files and folders as one `data.source`: a pattern below the folder that holds them all. @throws UsageError for one that does not exist */
export function sourcesOf(books: readonly string[]): string {
  books.forEach(refuseConfiguration);
  if (books.length === 1) return sourceOf(books[0]!);
  const folders = books.map(isFolder);
  const paths = books.map((book) => resolve(book).split('/'));
  const [first] = paths as [string[]];
  let shared = 0;
  while (paths.every((path) => shared < path.length - 1 && path[shared] === first[shared])) shared++;
  const names = paths.map((path, i) => path.slice(shared).map(escaped).join('/') + (folders[i] ? '/**' : ''));
  return `${first.slice(0, shared).map(escaped).join('/')}/{${names.join(',')}}`;
}

/** Says on standard error that an argument takes the place of a text that a file or the environment names. */
export function sayOverridden(config: ProjectConfig, argument: string): void {
  const hidden = overridden(config, 'data.source');
  if (hidden) process.stderr.write(`${argument} overrides data.source, which is ${hidden.value} in ${hidden.origin}\n`);
}
