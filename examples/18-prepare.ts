// What a text is, before anything is trained on it. Its fingerprint decides whether a run may be resumed: one changed letter is another text.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprintText } from '@mdiff/prepare';
import { loadSource } from '@mdiff/text/node';

const folder = mkdtempSync(join(tmpdir(), 'mdiff-example-'));
const book = join(folder, 'book.txt');
const prints: string[] = [];
for (const text of [
  'Call me Ishmael.\n\nSome years ago.\n',
  'Call me  Ishmael. \n\nSome years ago.',
  'Call me Ismael.\n\nSome years ago.\n',
]) {
  writeFileSync(book, text);
  const { bytes, sha256 } = fingerprintText(book, await loadSource(book));
  prints.push(sha256);
  console.log(`${bytes} bytes of prepared text`);
}
rmSync(folder, { recursive: true });
console.log(`other blanks, the same text: ${prints[1] === prints[0]}; another letter: ${prints[2] === prints[0]}`);

// Prints:
// 31 bytes of prepared text
// 31 bytes of prepared text
// 30 bytes of prepared text
// other blanks, the same text: true; another letter: false
