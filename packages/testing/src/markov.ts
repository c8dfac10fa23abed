/** A first-order Markov chain over states 0…S−1 for sequences of any length. */
export interface MarkovChain {
  /** p(x_1 = s), [S] */
  initial: readonly number[];
  /** p(x_{i+1} = b | x_i = a) at [a][b], rows summing to 1 */
  transition: readonly (readonly number[])[];
}

/** The chain that samplers are measured on: three states, of which the last two alternate. */
export const sampledChain: MarkovChain = {
  initial: [0.5, 0.3, 0.2],
  transition: [
    [0.8, 0.15, 0.05],
    [0.1, 0.2, 0.7],
    [0.3, 0.6, 0.1],
  ],
};

/** Probability of a whole sequence of states. */
export function probability({ initial, transition }: MarkovChain, states: ArrayLike<number>): number {
  let p = 1;
  for (let i = 0; i < states.length; i++) p *= i === 0 ? initial[states[0]!]! : transition[states[i - 1]!]![states[i]!]!;
  return p;
}

/**
 * The exact conditionals p(x_i = s | all unmasked positions) at [i][s], for any mask pattern, by the forward-backward recursion
 * (Rabiner 1989, section III.A). `states[i]` is null where position i is masked; there must be a sequence of positive probability
 * that agrees with the rest.
 */
export function conditionals({ initial, transition }: MarkovChain, states: readonly (number | null)[]): number[][] {
  const n = states.length;
  const size = initial.length;
  const agrees = (i: number, s: number): number => (states[i] === null || states[i] === s ? 1 : 0);
  const indices = Array.from({ length: size }, (_, s) => s);
  const forward: number[][] = [];
  for (let i = 0; i < n; i++) {
    const before = forward[i - 1];
    forward.push(
      normalised(
        indices.map(
          (s) =>
            agrees(i, s) *
            (before
              ? dot(
                  before,
                  indices.map((a) => transition[a]![s]!),
                )
              : initial[s]!),
        ),
      ),
    );
  }
  const backward: number[][] = [];
  for (let i = n - 1; i >= 0; i--) {
    const after = backward[i + 1];
    backward[i] = normalised(
      indices.map((s) =>
        after
          ? dot(
              transition[s]!,
              indices.map((b) => agrees(i + 1, b) * after[b]!),
            )
          : 1,
      ),
    );
  }
  return forward.map((row, i) => normalised(row.map((p, s) => p * backward[i]![s]!)));
}

/** A sequence of `length` states; `uniform` draws from [0, 1). */
export function sampleChain({ initial, transition }: MarkovChain, length: number, uniform: () => number): number[] {
  const out: number[] = [];
  for (let i = 0; i < length; i++) {
    const row = i === 0 ? initial : transition[out[i - 1]!]!;
    let left = uniform();
    let s = 0;
    while (s < row.length - 1 && (left -= row[s]!) >= 0) s++;
    out.push(s);
  }
  return out;
}

/** Every sequence of `length` states, the first position varying slowest. */
export function allSequences(size: number, length: number): number[][] {
  return Array.from({ length: size ** length }, (_, cell) =>
    Array.from({ length }, (_, i) => Math.floor(cell / size ** (length - 1 - i)) % size),
  );
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

function normalised(values: number[]): number[] {
  const total = values.reduce((sum, x) => sum + x, 0);
  if (!(total > 0)) throw new Error('conditionals: the unmasked states have probability 0 in this chain');
  return values.map((x) => x / total);
}
