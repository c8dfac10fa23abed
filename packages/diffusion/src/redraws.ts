// Writes a word anew if little but its beginning speaks for it: "Steequeg" begins with one name's piece, and ends as the likeliest name does.
import type { Constraints } from './constraints.js';
import type { SamplingOptions } from './options.js';
import type { Commit, StepArgs } from './sampler.js';
import { scorer } from './score.js';
import { ENDS, goesOn, STARTS } from './words.js';

/**
 * With `wordGuard` 1, a word of several ids stays if those behind the first, and the word's end, have this chance together. 82 % of the
 * invented words have less, and 25 % of the book's words of several ids (docs/log/2026-12-01-words-drawn-again.md).
 */
const CHANCE = 0.3;
/** How often a word is written anew at one place. */
const REDRAWS = 4;
/** Ids of a word that can be taken back, at most: in a script without spaces whole sentences are one word. */
const LONGEST = 8;
/** A place where a constraint allows no more ids than this is the caller's. */
const FEW = 64;

interface RedrawArgs<Event> {
  /** read only; its caller changes it */
  readonly canvas: Int32Array;
  readonly maskId: number;
  readonly constraints: Constraints | undefined;
  readonly options: SamplingOptions;
  readonly onStep: ((event: Event) => void) | undefined;
}

/** Follows the words of a canvas whose masks are filled from left to right, one a step. */
export interface Redraws<Event> {
  /** those of the canvas, and the first ids of words that were taken back */
  readonly constraints: Constraints | undefined;
  /** of a token that is drawn and not yet committed: the position where the word begins that has to be written anew; null = the token stays */
  backTo(commit: Commit, args: StepArgs): number | null;
  /** passes a step on to the listener, once no word of it can be taken back */
  tell(event: Event): void;
  /** passes on all that is left */
  end(): void;
}

export function redraws<Event>({ canvas, maskId, constraints, options, onStep }: RedrawArgs<Event>): Redraws<Event> {
  const letters = options.letters!;
  const enough = CHANCE * options.wordGuard;
  const held: Event[] = [];
  let word: { start: number; ids: number; chance: number } | null = null;
  let taken: { readonly start: number; readonly ids: number[] } = { start: -1, ids: [] };
  let limits = constraints;
  const id = (position: number): number => canvas[position] ?? maskId;
  const release = (): void => {
    for (const event of held.splice(0)) onStep?.(event);
  };
  const isFree = (position: number): boolean => (constraints?.get(position)?.allow?.length ?? Infinity) > FEW;

  /** Of the word before the token: null, or the position to go back to. */
  const takenBack = (end: () => number): number | null => {
    if (word === null || word.ids === 1) return null;
    const { start, chance } = word;
    if (chance >= enough && chance * end() >= enough) return null;
    if (taken.start !== start) taken = { start, ids: [] };
    if (taken.ids.length === REDRAWS) return null;
    taken.ids.push(canvas[start]!);
    limits = without(constraints, taken);
    word = null;
    held.length = 0;
    return start;
  };

  return {
    get constraints() {
      return limits;
    },
    backTo({ position, token, probability }, args) {
      const inside = goesOn(letters, id(position - 1), token);
      if (inside && word !== null) word = word.ids === LONGEST ? null : { ...word, ids: word.ids + 1, chance: word.chance * probability };
      if (!inside) {
        const back = takenBack(() => chanceOfEnd(args, letters));
        if (back !== null) return back;
        word = null;
        release();
        if ((letters[token]! & ENDS) !== 0 && isFree(position)) word = { start: position, ids: 1, chance: 1 };
      }
      if (canvas[position + 1] === maskId) return null;
      // The gap ends here. The text behind it may go on with the word, which then is the caller's.
      const back = goesOn(letters, token, id(position + 1)) ? null : takenBack(() => 1);
      if (back === null) word = null;
      return back;
    },
    tell(event) {
      held.push(event);
      if (word === null) release();
    },
    end: release,
  };
}

/** The chance of all ids that do not go on inside a word, at the only position of a step. */
function chanceOfEnd(args: StepArgs, letters: Uint8Array): number {
  const score = scorer(args, args.options);
  score.load(0);
  let inside = 0;
  for (let id = 0; id < letters.length; id++) if ((letters[id]! & STARTS) !== 0) inside += score.probability(id);
  return 1 - inside;
}

function without(constraints: Constraints | undefined, { start, ids }: { start: number; ids: readonly number[] }): Constraints {
  const set = constraints?.get(start);
  return new Map([...(constraints ?? []), [start, { ...set, forbid: Int32Array.of(...(set?.forbid ?? []), ...ids) }]]);
}
