import type { ProjectConfig, StageConfig } from '@mdiff/config';
import type { Unit } from '@mdiff/curriculum';
import { maskUnit, stream } from '@mdiff/diffusion';
import type { Tokenizer } from '@mdiff/text';

/** A unit with some of its tokens masked, as in training. */
export interface StageExample {
  /** its text in order; the tokens of a hidden piece are masked */
  pieces: { text: string; hidden: boolean }[];
  tokens: number;
  complexity: number;
  /** the middle of the stage's range of masking rates */
  rate: number;
}

export interface RankedUnit {
  unit: Unit;
  complexity: number;
}

/** shares of the units that are easier */
const PLACES = [0.02, 0.5, 0.98];

/**
 * Units at the easy end, in the middle and at the hard end: near each of these places, the unit with the most typical length. `index` is the stage's.
 */
export function examplesOf(
  units: readonly RankedUnit[],
  { stage, index, tokenizer, config }: { stage: StageConfig; index: number; tokenizer: Tokenizer; config: ProjectConfig },
): StageExample[] {
  const order = [...units].sort((a, b) => a.complexity - b.complexity || a.unit.id - b.unit.id);
  const sizes = units.map(({ unit }) => unit.tokens.length).sort((a, b) => a - b);
  const typical = Math.min(60, sizes[sizes.length >> 1] ?? 0);
  const around = Math.max(1, Math.round(order.length / 50));
  const chosen = new Set<RankedUnit>();
  for (const share of PLACES) {
    const place = Math.round(share * (order.length - 1));
    const near = order.slice(Math.max(0, place - around), place + around + 1).filter((candidate) => !chosen.has(candidate));
    const off = ({ unit }: RankedUnit): number => Math.abs(unit.tokens.length - typical);
    const best = near.sort((a, b) => off(a) - off(b) || a.unit.id - b.unit.id)[0];
    if (best) chosen.add(best);
  }
  const rate = (stage.masking_rate_range[0] + stage.masking_rate_range[1]) / 2;
  return [...chosen].map(({ unit: { tokens, id }, complexity }) => {
    const { positions } = maskUnit({
      length: tokens.length,
      t: rate,
      sampling: config.training.mask_sampling,
      rng: stream(config.seed, 'report', index, id),
    });
    return { pieces: piecesOf(tokens, new Set(positions), tokenizer), tokens: tokens.length, complexity, rate };
  });
}

function piecesOf(tokens: Int32Array, hidden: ReadonlySet<number>, tokenizer: Tokenizer): StageExample['pieces'] {
  const pieces: StageExample['pieces'] = [];
  for (let from = 0; from < tokens.length;) {
    let to = from + 1;
    while (to < tokens.length && hidden.has(to) === hidden.has(from)) to++;
    pieces.push({ text: tokenizer.decode(tokens.subarray(from, to)), hidden: hidden.has(from) });
    from = to;
  }
  return pieces;
}
