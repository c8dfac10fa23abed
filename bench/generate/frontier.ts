/** Quality against speed: what each sampler writes, under a judge that is not the model, and how fast. */
import { performance } from 'node:perf_hooks';
import { generate, type GenerateOptions, type LoadOptions, type Model } from '@mdiff/generate';
import { logProbabilities, type NgramModel } from '../ngram/kneser.js';
import type { FrontierRow } from './picture.js';

export const TEMPERATURE = 0.8;
export const TOP_P = 0.95;
const SEED = 1;
/** The guard of the presets is off: the twin has none, and the two shall draw from one distribution. */
const common = { temperature: TEMPERATURE, topP: TOP_P, blockLength: null, wordGuard: 0, repetitionPenalty: 1, seed: SEED } as const;

export interface Point {
  name: string;
  options: GenerateOptions;
  /** how to open the folder, if not as it is; it may have no graph for that */
  load?: Pick<LoadOptions, 'cache' | 'precision'>;
}

const inBlocks = (blockLength: number): GenerateOptions => ({ ...common, sampler: 'first_hitting', blockLength });

export const points: readonly Point[] = [
  { name: 'ancestral, 1000 steps', options: { ...common, sampler: 'ancestral', numSteps: 1000 } },
  { name: 'ancestral, 128 steps', options: { ...common, sampler: 'ancestral', numSteps: 128 } },
  { name: 'ancestral, 32 steps', options: { ...common, sampler: 'ancestral', numSteps: 32 } },
  { name: 'ancestral, 16 steps', options: { ...common, sampler: 'ancestral', numSteps: 16 } },
  { name: 'causal, with a cache', options: { ...common, sampler: 'causal' } },
  { name: 'causal in 8 bits, with a cache', options: { ...common, sampler: 'causal' }, load: { precision: 'int8' } },
  { name: 'first_hitting', options: { ...common, sampler: 'first_hitting' } },
  { name: 'first_hitting in blocks of 4', options: inBlocks(4) },
  { name: 'first_hitting in blocks of 4, dual cache', options: inBlocks(4), load: { cache: 'dual' } },
  { name: 'first_hitting in blocks of 16', options: inBlocks(16) },
  { name: 'first_hitting in blocks of 16, dual cache', options: inBlocks(16), load: { cache: 'dual' } },
  { name: 'first_hitting in blocks of 16, prefix cache', options: inBlocks(16), load: { cache: 'prefix' } },
  { name: 'confidence, 32 steps', options: { ...common, sampler: 'confidence', numSteps: 32 } },
  { name: 'margin, 32 steps', options: { ...common, sampler: 'margin', numSteps: 32 } },
  { name: 'entropy, gamma 1', options: { ...common, sampler: 'entropy', gamma: 1, numSteps: 128 } },
  { name: 'threshold 0.9', options: { ...common, sampler: 'threshold', threshold: 0.9, numSteps: 128 } },
  { name: 'threshold 0.5 in blocks of 32', options: { ...common, sampler: 'threshold', threshold: 0.5, numSteps: 128, blockLength: 32 } },
];

/** Texts of one batch, all of `tokens` tokens, and what they cost. */
export interface Written {
  batch: number;
  /** of the fastest round */
  seconds: number;
  /** of the processor, in the same round */
  processor: number;
  /** forward passes a text */
  nfe: number;
  texts: readonly ArrayLike<number>[];
}

/** Rounds go on until they have taken so many seconds together, or until there are `ROUNDS`. */
export const ENOUGH = 2;
export const ROUNDS = 5;

export async function write(model: Model, { options }: Point, { batch, tokens }: { batch: number; tokens: number }): Promise<Written> {
  const settings = { ...options, maxTokens: tokens, minTokens: tokens };
  // The first call of a sampler loads its graph and warms up the code.
  await generate(model, { ...settings, n: 1, maxTokens: 2, minTokens: 2 });
  const rounds: Written[] = [];
  while (rounds.length < ROUNDS && rounds.reduce((sum, { seconds }) => sum + seconds, 0) < ENOUGH) {
    const began = performance.now();
    const before = process.cpuUsage();
    const { texts } = await generate(model, { ...settings, n: batch });
    const { user, system } = process.cpuUsage(before);
    rounds.push({
      batch,
      seconds: (performance.now() - began) / 1000,
      processor: (user + system) / 1e6,
      nfe: texts.reduce((sum, { nfe }) => sum + nfe, 0) / batch,
      texts: texts.map(({ completion }) => model.tokenizer.encode(completion)),
    });
  }
  return rounds.reduce((best, round) => (round.seconds < best.seconds ? round : best));
}

export type Quality = Pick<FrontierRow, 'judged' | 'distinct'>;

export function qualityOf(judge: NgramModel, texts: readonly ArrayLike<number>[], bos: number): Quality {
  const units = texts.filter(({ length }) => length > 0);
  const logs = logProbabilities(judge, units, bos);
  const pairs = units.flatMap((ids) => Array.from(ids).flatMap((id, i, all) => (i === 0 ? [] : [`${all[i - 1]} ${id}`])));
  return { judged: -logs.reduce((sum, log) => sum + log, 0) / logs.length, distinct: new Set(pairs).size / pairs.length };
}

/** The rows of one sampler. All have the quality of its largest batch: text i is the same beside others, so the smaller batches have its first texts. */
export function rowsOf(name: string, written: readonly Written[], tokens: number, quality: Quality): FrontierRow[] {
  return written.map(({ batch, seconds, processor, nfe }) => {
    const count = batch * tokens;
    return { name, batch, rate: count / seconds, processor: (1000 * processor) / count, nfe, ...quality };
  });
}
