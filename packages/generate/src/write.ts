// Writes a text on from its beginning, section by section, each over more masks than it fills.
import { stream } from '@mdiff/diffusion';
import { canvasOf, windowLimit } from './canvas.js';
import { cut, decodeGap, fill, together, type Run, type Step, type Target } from './fill.js';
import type { Model } from './model.js';
import { seedAt, type Sampling } from './options.js';
import type { Follower } from './prefix.js';
import { withPlaced, type Placed } from './rules.js';

/**
 * Masks that the model sees behind the last one that is filled. Training units end in [EOS] at their last position, so a model takes the end of
 * its canvas for the end of the text: with this many masks behind a section, its last sentence may run on.
 */
const AHEAD = 32;
/** Fewer tokens than this are no section of their own: the context moves on first. */
const SHORTEST = 16;

export interface WriteArgs {
  readonly model: Model;
  readonly sampling: Sampling;
  /** ids of the prompt */
  readonly prompt: Int32Array;
  /** the first token must begin with a space, which stands at the end of the prompt */
  readonly spaced: boolean;
  /** the most new tokens */
  readonly limit: number;
  /** words at fixed places of the new text */
  readonly placed: Placed;
  /** told of each step */
  readonly follower?: Follower | undefined;
}

export interface Written {
  /** ids of the new text, without [EOS] */
  ids: number[];
  /** true after an [EOS] that the model wrote before `limit`, or a stop string */
  ended: boolean;
  nfe: number;
  readonly seed: number;
}

/** Writes `n` texts on. The context slides: of a text longer than the model, the model sees the last part only. */
export async function writeOn(args: WriteArgs, run: Run): Promise<Written[]> {
  const { model, sampling, limit, follower } = args;
  const texts = Array.from({ length: sampling.n }, (_, i): Written => ({ ids: [], ended: false, nfe: 0, seed: seedAt(sampling, i) }));
  const ahead = lookahead(model);
  for (let section = 0; ; section++) {
    const open = [...texts.entries()].filter(([, { ids, ended }]) => !ended && ids.length < limit);
    if (open.length === 0) return texts;
    const targets = open.map(([row, text]) => sectionOf(args, { text, row, section }));
    const byRow = new Map(targets.map((target) => [target.row, target]));
    const follow = follower && ((step: Step) => follower.step(step, byRow.get(step.row)!.layout.gaps[0]!, texts[step.row]!.ids));
    const onStep = together(follow, run.onStep);
    const job = { model, sampling: paced(args, section === 0 ? targets[0]! : null), closed: false, ahead, targets };
    const results = await fill(job, { ...run, onStep });
    results.forEach((result, i) => {
      const [, text] = open[i]!;
      const gap = targets[i]!.layout.gaps[0]!;
      const length = result.end === null ? gap.length : result.end - gap.start;
      text.ids.push(...result.canvas.subarray(gap.start, gap.start + length));
      text.nfe += result.nfe;
      const whole = decodeGap(model, { canvas: Int32Array.from(text.ids) }, { start: 0, spaced: args.spaced }, text.ids.length);
      text.ended = result.end !== null || cut(whole, sampling.stop) !== whole;
    });
  }
}

/**
 * `numSteps` counts for a window, or for the whole text if it is shorter: a section gets the share of its masks, and after the first one the
 * share of half a window, so that a text does not depend on those beside it.
 */
function paced({ model, sampling, limit }: WriteArgs, first: Target | null): Sampling {
  const room = windowLimit(model.config) - lookahead(model);
  const masks = Math.min(limit, first ? first.layout.gaps[0]!.length : room - (room >> 1));
  return { ...sampling, numSteps: Math.ceil((sampling.numSteps * masks) / Math.min(limit, windowLimit(model.config))) };
}

const lookahead = ({ config }: Model): number => Math.min(AHEAD, windowLimit(config) >> 2);

/** The canvas of the next section of one text: as much of the text so far as leaves room, and masks. */
function sectionOf(
  { model, sampling, prompt, spaced, limit, placed }: WriteArgs,
  { text, row, section }: { text: Written; row: number; section: number },
): Target {
  const { config } = model;
  const whole = [...prompt, ...text.ids];
  const left = limit - text.ids.length;
  const room = windowLimit(config) - lookahead(model);
  let dropped = 0;
  if (room - whole.length < Math.min(left, SHORTEST)) dropped = whole.length - keptTokens(model, whole, Math.min(whole.length, room >> 1));
  const context = whole.slice(dropped);
  const open = canvasOf(context, { gap: Math.min(left, room - context.length), spaced: spaced && text.ids.length === 0, config });
  const { layout, constraints } = withPlaced(open, placed, { from: text.ids.length, fixed: sampling.sampler !== 'causal' });
  const least = Math.max(sampling.minLength, prompt.length + placed.end);
  for (let k = whole.length; k < Math.min(least, whole.length + layout.gaps[0]!.length); k++) {
    const set = constraints.get(k - dropped + layout.offset);
    constraints.set(k - dropped + layout.offset, { ...set, forbid: Int32Array.from([...(set?.forbid ?? []), config.eos_token_id]) });
  }
  const seed = section === 0 ? text.seed : stream(text.seed, 'section', section).int(2 ** 32);
  return { layout, row, seed, dropped, constraints };
}

/** Tokens to keep of a text, at most `most`: from the start of a sentence, since training units start there, or of a word. */
function keptTokens({ tokenizer }: Model, ids: readonly number[], most: number): number {
  let word = most;
  for (let kept = most; kept > most / 2; kept--) {
    const first = ids.length - kept;
    const [before, start] = [tokenizer.decode(ids.slice(Math.max(0, first - 2), first)), tokenizer.decode(ids.slice(first, first + 1))];
    if (/^\s/.test(start) && /[.!?]["'”’)]*$/.test(before)) return kept;
    if (word === most && /^\s/.test(start)) word = kept;
  }
  return word;
}
