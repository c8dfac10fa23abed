import { statSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { UsageError } from '@mdiff/cli';
import { loadText, type ScoredText } from '@mdiff/generate';

/** An argument, or standard input where it is `-`: without the line break that ends its last line. */
export async function textOf(argument: string): Promise<string> {
  return argument === '-' ? (await text(process.stdin)).replace(/\r?\n$/, '') : argument;
}

/** A text to score: the argument itself, or the paragraphs of the file, the builtin text or the standard input that it names. */
export async function scoredText(command: string, argument: string): Promise<ScoredText> {
  if (argument === '-' || argument.startsWith('builtin:')) return loadText(argument);
  const info = statSync(argument, { throwIfNoEntry: false });
  if (info?.isDirectory())
    throw new UsageError(
      `${command}: ${argument} is a folder and no model; give a text, a file or - for standard input as the last argument`,
    );
  if (info) return loadText(argument);
  if (/^\S+\.(txt|md|html?|epub|pdf|docx|zip|tar|gz|xz)$/i.test(argument))
    throw new UsageError(`${command}: there is no file ${argument}; give a file that is there, or a text between quotes`);
  return argument;
}
