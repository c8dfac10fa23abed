import type { Model, SamplingOptions } from '@mdiff/generate';

// The same texts for every engine: [BOS], a prompt, the masks of a block, and as many masks as `generate` puts behind a text.

export interface InferInputs {
  /** texts at a time */
  batch: number;
  threads: number;
  prompt: string;
  /** ids, [BOS] first */
  canvas: number[];
  /** the block's masks */
  positions: number[];
  /** masks that a step commits */
  commits: number;
  sampling: SamplingOptions & { numSteps: number; maxTokens: number; minTokens: number };
}

/** positions of a canvas */
export const LENGTH = 128;
const BLOCK = 32;
const AHEAD = 32;
const STEPS = 8;

const TEXT =
  'The captain stood upon the deck and looked at the sea, which was calm and grey. He thought of the ship that had gone down in the night, of the men who were lost, and of the letter. ';

export function inputsFor({ tokenizer, config }: Pick<Model, 'tokenizer' | 'config'>, batch: number, threads: number): InferInputs {
  const start = config.shift_head ? [config.bos_token_id] : [];
  const count = LENGTH - BLOCK - AHEAD - start.length;
  const words = TEXT.repeat(4).split(' ');
  const prompt = words.map((_, n) => words.slice(0, n + 1).join(' ')).find((text) => tokenizer.encode(text).length === count);
  if (prompt === undefined) throw new Error(`no prompt of ${count} tokens`);
  const masks = new Array<number>(BLOCK + AHEAD).fill(config.mask_token_id);
  return {
    batch,
    threads,
    prompt,
    canvas: [...start, ...tokenizer.encode(prompt), ...masks],
    positions: Array.from({ length: BLOCK }, (_, i) => start.length + count + i),
    commits: BLOCK / STEPS,
    sampling: {
      ...{ sampler: 'confidence', numSteps: STEPS, maxTokens: BLOCK, minTokens: BLOCK, blockLength: null },
      ...{ temperature: 1, topK: null, topP: null, wordGuard: 0, repetitionPenalty: 1 },
    },
  };
}
