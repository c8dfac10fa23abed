import { resolve } from 'node:path';
import { statSync } from 'node:fs';

/** A book argument as `data.source`. Paths become absolute, so that they mean the same in every folder. */
export const sourceOf = (book: string): string => (book === '-' || book.startsWith('builtin:') ? book : resolve(book));

/** A name in a pattern, where it stands for itself. */
const escaped = (name: string): string => name.replace(/[\\()[\]{}!*+?@$^|,]/g, '\\$&');

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Several files and folders as one `data.source`: a pattern below the folder that holds them all. */
export function sourcesOf(books: readonly string[]): string {
  if (books.length === 1) return sourceOf(books[0]!);
  const paths = books.map((book) => resolve(book).split('/'));
  const [first] = paths as [string[]];
  let shared = 0;
  while (paths.every((path) => shared < path.length - 1 && path[shared] === first[shared])) shared++;
  const names = paths.map((path) => {
    const name = path.slice(shared).map(escaped).join('/');
    return isFolder(path.join('/')) ? `${name}/**` : name;
  });
  return `${first.slice(0, shared).map(escaped).join('/')}/{${names.join(',')}}`;
}
