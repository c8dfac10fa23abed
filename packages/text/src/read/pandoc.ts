// What pandoc, Jekyll and Hugo add to Markdown, by lines. A line that goes becomes blank, so that line numbers stay.

const ATTRIBUTES = /[ \t]*\{(?:[#.:-][^{}\n]{0,200}|-)\}[ \t]*#*[ \t]*$/;
const SPAN = /\[([^[\]\n]{1,500})\]\{[.#][^{}\n]{0,200}\}/g;
const FENCE = /^\s*:{3,}[^:]{0,200}:*\s*$/;
const COMMAND = /^\s*\\(?:newpage|pagebreak|clearpage|bigskip|medskip|smallskip)\s*$/;
const CITATION = /[ \t]?\[[^[\]\n]{0,80}@[\w:./-]{1,80}[^[\]\n]{0,80}\](?!\()/g;
const INLINE_NOTE = /\^\[([^[\]\n]{1,2000})\]/g;
const DEFINITION = /^:[ \t]{1,3}(?=\S)/;
const LINE_BLOCK = /^\|[ \t]/;

export interface Plainer {
  /** Takes what goes: the line, 0-based. */
  leave(line: number, what: 'note mark' | 'footnote' | 'hidden text' | 'illustration' | 'code block', sample: string): void;
}

/** Takes the notation of pandoc out of the lines, in place: attributes, fences of divisions, citations, notes inside lines, line blocks, definitions. */
export function withoutPandoc(lines: string[], { leave }: Plainer): void {
  let fenced = false;
  for (let i = 0; i < lines.length; i++) {
    let line = lines[i]!;
    if (/^\s{0,3}(?:```|~~~)/.test(line)) fenced = !fenced;
    if (fenced || line.trim() === '') continue;
    if (FENCE.test(line) || COMMAND.test(line)) line = '';
    else if (/^#{1,6}\s/.test(line)) line = line.replace(ATTRIBUTES, '');
    if (line.includes(']{')) line = line.replace(SPAN, '$1');
    if (line.includes('^[')) {
      line = line.replace(INLINE_NOTE, (_, note: string) => {
        leave(i, 'footnote', note);
        return '';
      });
    }
    if (line.includes('@')) {
      line = line.replace(CITATION, (citation) => {
        leave(i, 'note mark', citation);
        return '';
      });
    }
    // A definition is a paragraph under its term.
    if (DEFINITION.test(line)) line = line.replace(DEFINITION, '');
    lines[i] = line;
    if (isLineBlock(lines, i)) lines[i] = `${line.replace(LINE_BLOCK, '').trim()}${isLineBlock(lines, i + 1) ? '\\' : ''}`;
  }
}

/** True for a line of verse that begins with a bar; rows of tables end with one too, or stand over a rule. */
function isLineBlock(lines: readonly string[], i: number): boolean {
  const line = lines[i];
  return line !== undefined && LINE_BLOCK.test(line) && !/\|\s*$/.test(line.slice(1)) && !/^[|\s:-]+$/.test(lines[i + 1] ?? 'x');
}
