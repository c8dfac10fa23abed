import { TextError } from '../error.js';

const ENDINGS: readonly [what: string, endings: string][] = [
  ['a style sheet', 'css scss sass less xsl xslt'],
  ['program code', 'js mjs cjs ts tsx jsx py rb java c h cc cpp hpp cs go rs php pl sh bat ps1 sql lua swift kt r ipynb'],
  ['data', 'json jsonl ndjson yaml yml toml ini cfg conf properties csv tsv db sqlite lock log canvas base'],
  ['a part of a book that holds no text', 'opf ncx rdf plist dtd xsd smil pls svg'],
  ['a font', 'otf ttf woff woff2'],
  ['music or another sound', 'ly mid midi mp3 ogg wav flac m4a mxl musicxml abc'],
];
const KINDS = new Map(ENDINGS.flatMap(([what, endings]) => endings.split(' ').map((ending) => [ending, what] as const)));
const PAPERS = /^(licen[cs]e|unlicense|copying|notice|authors|contributors|contributing|changelog|code[-_]of[-_]conduct)([-.].*)?$/i;
const TOOLS = /^(makefile|dockerfile|mimetype|thumbs\.db|desktop\.ini)$/i;

/**
 * Refuses files that lie beside texts in folders and archives and hold no running text: by their names, since code and data look like text.
 * @throws TextError
 */
export function refuseOddments(path: string): void {
  const name = path.slice(path.search(/[^/\\]*$/));
  const what = PAPERS.test(name)
    ? 'a licence or another paper about the files'
    : TOOLS.test(name)
      ? 'a file for a program'
      : KINDS.get(/\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? '');
  if (what !== undefined) throw new TextError(`it is ${what}, no running text; name the file itself as the source to read it all the same`);
}
