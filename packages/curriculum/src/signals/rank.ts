/** Percentile ranks in (0, 1), ties shared: (values below + half of the equal ones) / n. */
export function percentileRanks(
  values: ArrayLike<number>,
  members: ArrayLike<number> = Array.from({ length: values.length }, (_, i) => i),
): Float64Array {
  const order = Array.from(members).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) ranks[order[i]!] = (from + to) / 2 / order.length;
    from = to;
  }
  return ranks;
}

/** Percentile ranks inside each group. */
export function ranksWithin(values: ArrayLike<number>, groups: ArrayLike<number>): Float64Array {
  const members = new Map<number, number[]>();
  for (let i = 0; i < values.length; i++) {
    const group = members.get(groups[i]!);
    if (group) group.push(i);
    else members.set(groups[i]!, [i]);
  }
  const ranks = new Float64Array(values.length);
  for (const group of members.values()) {
    const inGroup = percentileRanks(values, group);
    for (const i of group) ranks[i] = inGroup[i]!;
  }
  return ranks;
}

/** Group 0…9 of each value by its rank; equal values share a group. */
export const deciles = (values: ArrayLike<number>): Uint8Array => Uint8Array.from(percentileRanks(values), (rank) => Math.floor(10 * rank));

/** Spearman's rank correlation; 0 if one side is constant. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [x, y] = [percentileRanks(a), percentileRanks(b)];
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < x.length; i++) {
    // Ranks have mean 1/2.
    const [dx, dy] = [x[i]! - 0.5, y[i]! - 0.5];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
}
