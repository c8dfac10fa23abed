// Shared by the benchmarks that compare loss curves: their lines and their results.
import { fixed } from '../shared/results.mjs';
import { comparison } from './compare.ts';

/** How far the curve of one arm is from that of another, in means of `window` steps, and their held-out figures. */
export const pairOf = (of, to, window) => ({
  of: of.name,
  to: to.name,
  held: of.last.nelbo - to.last.nelbo,
  ...comparison(to.losses, of.losses, window),
});

export function tellArms(arms) {
  for (const { label, last } of arms)
    console.log(`  ${label}: ${last.nelbo.toFixed(4)} ± ${last.nelbo_se.toFixed(4)}, ${last.bits_per_byte.toFixed(4)} bits/byte`);
}

export function tellPairs(pairs, window) {
  console.log(`differences, means of ${window} steps, nats/token:`);
  for (const { of, to, rms, largest, mean, held } of pairs)
    console.log(
      `  ${of} − ${to}: root mean square ${rms.toFixed(4)}, largest ${largest.toFixed(4)}, mean ${mean.toFixed(4)}; held out ${held.toFixed(4)}`,
    );
}

export function tellNoise({ rms, mean, error, within }, seeds) {
  console.log(`bfloat16 moves a curve by ${rms.toFixed(3)} of what another seed does`);
  console.log(
    `held out, bfloat16 is ${mean.toFixed(4)} ± ${error.toFixed(4)} from float32 (standard error of ${seeds} seeds): ${within ? 'within the noise' : 'NOT within the noise'}`,
  );
}

/** The figures of an arm as a result keeps them. */
export const figuresOf = ({ losses, last }) => ({
  nelbo: last.nelbo,
  nelbo_se: last.nelbo_se,
  bits_per_byte: last.bits_per_byte,
  losses: losses.map((loss) => fixed(loss, 5)),
});

/** The pairs as a result keeps them, without each step's difference. */
export const distancesOf = (pairs) => pairs.map(({ differences, ...rest }) => ({ ...rest, steps: differences.length }));
