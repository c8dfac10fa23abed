import type { ParsedText } from '../types.js';
import { toDocument, type Marked } from './block.js';
import { decode, type Decoded } from './encoding.js';
import { Page } from './htmlpage.js';
import { optionalPackage } from './optional.js';
import { vocabularyOf } from './vocabulary.js';

/** An HTML page to one document, decoded as the page declares. @throws TextError when its bytes cannot be read */
export async function parseHtml(bytes: Uint8Array, name: string): Promise<ParsedText & Pick<Decoded, 'encoding'>> {
  const { text, encoding } = decodeHtml(bytes);
  return { ...toDocument(await readHtml(text, name), name), encoding };
}

/** Text of an HTML or XML file in the encoding it names. */
export function decodeHtml(bytes: Uint8Array): Decoded {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 4096)).replace(/<!--(?:(?!-->)[\s\S])*-->/g, '');
  return decode(bytes, (/<meta[^>]+charset\s*=\s*["']?([\w-]+)/i.exec(head) ?? /<\?xml[^>]+encoding\s*=\s*["']([\w-]+)/i.exec(head))?.[1]);
}

/** The blocks of an HTML page, in order. `where` names the page in removals. Lines are lines of the source. */
export async function readHtml(source: string, where: string): Promise<Marked> {
  const { Parser } = await optionalPackage('htmlparser2', () => import('htmlparser2'));
  const page = new Page(source, where);
  const vocabulary = vocabularyOf(source);
  const parser = new Parser(vocabulary ? translated(vocabulary, page, () => parser.startIndex) : events(page, () => parser.startIndex), {
    decodeEntities: true,
    lowerCaseTags: vocabulary === undefined,
    recognizeSelfClosing: true,
    xmlMode: vocabulary !== undefined,
  });
  parser.write(vocabulary ? source : closedTitle(source));
  parser.end();
  return page.end();
}

const events = (page: Page, index: () => number) => ({
  onopentag: (name: string, attributes: Record<string, string>) => page.open(name, attributes, index()),
  ontext: (text: string) => page.text(text, index()),
  onclosetag: (name: string) => page.close(name, index()),
});

/** The events of another vocabulary as those of HTML. */
function translated({ translate, division }: NonNullable<ReturnType<typeof vocabularyOf>>, page: Page, index: () => number) {
  const names: string[] = [];
  let depth = 0;
  return {
    onopentag(name: string, attributes: Record<string, string>) {
      if (division.test(name)) depth++;
      const [tag, marks = {}] = translate(name, attributes, depth);
      names.push(tag);
      page.open(tag, marks, index());
    },
    ontext: (text: string) => page.text(text, index()),
    onclosetag(name: string) {
      if (division.test(name)) depth--;
      page.close(names.pop() ?? name, index());
    },
  };
}

const TITLE_CHARS = 1000;
const HEAD_CHARS = 100_000;

/** Closes a title that lacks its end, which would swallow the page; no line moves. */
function closedTitle(source: string): string {
  const start = source.slice(0, HEAD_CHARS).search(/<title\b[^>]{0,200}>/i);
  if (start < 0) return source;
  const from = source.indexOf('>', start) + 1;
  if (/<\/title/i.test(source.slice(from, from + TITLE_CHARS))) return source;
  const length = source.slice(from, from + TITLE_CHARS).search(/[<\n]/);
  return length < 0 ? source : `${source.slice(0, from + length)}</title>${source.slice(from + length)}`;
}
