// Shows a text in the terminal while it appears out of the masks.
import { UsageError } from '@mdiff/cli';
import type { Model, Step } from '@mdiff/generate';

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

/** Lines that a text takes on a terminal. */
const height = (text: string, columns: number): number =>
  text.split('\n').reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);

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
      const text = frameOf(model, step);
      clear();
      stderr.write(text);
      lines = height(text, stderr.columns || 80);
    },
    clear,
  };
}
