/** Linear mixtures of two language models, from the natural logarithms of the probabilities that each gives to the same tokens. */

/** ln(share · exp(a) + (1 − share) · exp(b)), token by token. */
export const mixed = (a: readonly number[], b: readonly number[], share: number): number[] =>
  a.map((log, i) => Math.log(share * Math.exp(log) + (1 - share) * Math.exp(b[i]!)));

/** The share of the first model that makes the tokens likeliest, by expectation–maximisation: the mixture's likelihood has one maximum. */
export function chooseShare(a: readonly number[], b: readonly number[]): number {
  let share = 0.5;
  for (let round = 0; round < 50; round++) {
    const both = mixed(a, b, share);
    share = a.reduce((sum, log, i) => sum + share * Math.exp(log - both[i]!), 0) / a.length;
  }
  return share;
}
