export interface Block {
  /** masked positions, ascending */
  positions: number[];
  /** steps it gets */
  steps: number;
}

/**
 * Cuts the masked positions (ascending) into blocks that cover `blockLength` canvas positions from a mask on. Of b blocks each gets
 * ⌊numSteps/b⌋ steps, the first numSteps mod b one more. If there are more blocks than steps, neighbours are joined.
 */
export function splitBlocks(positions: readonly number[], blockLength: number | null, numSteps: number): Block[] {
  const cut: number[][] = [];
  let end = -1;
  for (const position of positions) {
    if (position >= end) {
      cut.push([]);
      end = position + (blockLength ?? Infinity);
    }
    cut.at(-1)!.push(position);
  }
  const count = Math.min(cut.length, numSteps);
  const joined = Array.from({ length: count }, (): number[] => []);
  cut.forEach((block, i) => joined[Math.floor((i * count) / cut.length)]!.push(...block));
  return joined.map((block, i) => ({ positions: block, steps: Math.floor(numSteps / count) + (i < numSteps % count ? 1 : 0) }));
}
