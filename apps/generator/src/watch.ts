// Shows a text in the terminal while it appears out of the masks.
import { UsageError } from '@mdiff/cli';
import type { Model, Step } from '@mdiff/generate';
import stringWidth from 'fast-string-width';

const MASK = '░';

/** The tokens of a canvas as text, a sign for each mask. Tokens of one character that stand on both sides of a mask are shown apart. */
export function frameOf(
  { tokenizer, config }: Pick<Model, 'tokenizer' | 'config'>,
  { canvas, offset }: Pick<Step, 'canvas' | 'offset'>,
): string {
  let text = '';
  for (let start = offset; start < canvas.length;) {
    const isMask = canvas[start] === config.mask_token_id;
    let end = start;
    while (end < canvas.length && (canvas[end] === config.mask_token_id) === isMask) end++;
    text += isMask ? MASK.repeat(end - start) : tokenizer.decode(canvas.subarray(start, end).filter((id) => id !== config.eos_token_id));
    start = end;
  }
  return text;
}

// Made at the first frame: it loads tables that take 20 ms, and most commands watch nothing.
let graphemes: Intl.Segmenter | undefined;

/** A text as the lines that it takes on a terminal, where a character may be two columns wide. Signs that would move the cursor become dots. */
export function linesOf(text: string, columns: number): string[] {
  const segmenter = (graphemes ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' }));
  return text
    .replaceAll('\t', '    ')
    .replace(/[^\P{C}\n]/gu, (sign) => (/\p{Cc}/u.test(sign) ? '·' : sign))
    .split('\n')
    .flatMap((line) => {
      const lines = [''];
      let used = 0;
      for (const { segment } of segmenter.segment(line)) {
        const width = stringWidth(segment);
        if (used + width > columns) {
          lines.push('');
          used = 0;
        }
        lines.push(lines.pop()! + segment);
        used += width;
      }
      return lines;
    });
}

/** Draws each step over the last one on standard error; throws where that is no terminal. */
export function watcher(model: Model): { show(step: Step): void; clear(): void } {
  const { stderr } = process;
  if (!stderr.isTTY) throw new UsageError('--watch: standard error is no terminal; leave --watch out');
  let lines = 0;
  const clear = (): void => {
    if (lines > 0) stderr.write(`\r${lines > 1 ? `\x1b[${lines - 1}A` : ''}\x1b[J`);
    lines = 0;
  };
  return {
    show(step) {
      const all = linesOf(frameOf(model, step), stderr.columns || 80);
      // The cursor cannot go back to a line that has left the screen, so a long text shows its end.
      const shown = all.slice(-Math.max(1, (stderr.rows || 24) - 1));
      clear();
      stderr.write(shown.join('\n'));
      lines = shown.length;
    },
    clear,
  };
}
