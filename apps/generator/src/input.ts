import { text } from 'node:stream/consumers';

/** An argument, or standard input where it is `-`: without the line break that ends its last line. */
export async function textOf(argument: string): Promise<string> {
  return argument === '-' ? (await text(process.stdin)).replace(/\r?\n$/, '') : argument;
}
