// Writes the texts of a command one after another and shows each as soon as it is finished.
import { interruptible, print, progressLine } from '@mdiff/cli';
import { seedAt, type Model, type SamplingOptions, type Step } from '@mdiff/generate';
import { noteSeed } from './flags.js';
import { watcher } from './watch.js';
import { wholeEnd } from './whole.js';

interface Written {
  readonly text: string;
  readonly seed: number;
  /** the new text, at the end of `text` if it was cut; absent where no limit cuts a text */
  readonly completion?: string;
  readonly finish?: 'stop' | 'length';
}

interface Results {
  readonly texts: readonly Written[];
  readonly promptTokens: number;
}

interface TextsArgs<R extends Results> {
  readonly model: Model;
  readonly sampling: SamplingOptions;
  readonly json: boolean;
  readonly watch: boolean;
  /** end a text that its limit cuts at its last whole sentence or word, and say so */
  readonly whole?: boolean;
  /** writes one text */
  write(options: { n: 1; seed: number | null; signal: AbortSignal; onStep(step: Step): void }): Promise<R>;
}

/**
 * Writes `n` texts, which are those of one call with `n`: text i draws from seed + i. On a processor that takes no longer, and Ctrl-C keeps the texts
 * that are finished. Texts are separated by blank lines; with `json` one object holds all of them. Returns how many there are.
 */
export async function writeTexts<R extends Results>({ model, sampling, json, watch, whole = false, write }: TextsArgs<R>): Promise<number> {
  const { n = 1, seed = null } = sampling;
  const progress = progressLine();
  const view = watch ? watcher(model) : null;
  const finished: R[] = [];
  const clear = (): void => (view ?? progress).clear();
  try {
    await interruptible(async (signal) => {
      for (let i = 0; i < n; i++) {
        const first = finished[0]?.texts[0]!.seed ?? seed;
        const onStep = (step: Step): void => {
          if (view) view.show(step);
          else progress.show(`text ${i + 1}/${n}, step ${step.step}/${step.of}`);
        };
        const result = await write({ n: 1, seed: first === null ? null : seedAt({ seed: first }, i), signal, onStep });
        clear();
        finished.push(result);
        if (!json) print(`${i > 0 ? '\n' : ''}${shown(result.texts[0]!, whole)}\n`);
      }
    });
  } finally {
    clear();
    const texts = finished.flatMap((result) => result.texts);
    if (json && texts.length > 0) print(`${JSON.stringify({ texts, promptTokens: finished[0]!.promptTokens })}\n`);
    if (!json) noteSeed({ seed }, texts);
  }
  return finished.length;
}

function shown({ text, completion = '', finish }: Written, whole: boolean): string {
  if (!whole || finish !== 'length' || !text.endsWith(completion)) return text;
  process.stderr.write(
    'finish_reason: length; the text had as many tokens as it may, and is shown up to its last whole sentence or word\n',
  );
  return text.slice(0, text.length - completion.length) + wholeEnd(completion);
}
