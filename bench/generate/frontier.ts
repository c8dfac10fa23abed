/** Quality against speed: what each sampler writes, under a judge that is not the model, and how fast. */
import { performance } from 'node:perf_hooks';
import { generate, type GenerateOptions, type Model } from '@mdiff/generate';
import { logProbabilities, type NgramModel } from '../ngram/kneser.js';
import type { FrontierRow } from './picture.js';

const common = { temperature: 0.8, topP: 0.95, blockLength: null, seed: 1 } as const;

interface Point {
  name: string;
  options: GenerateOptions;
  /** dual: with the passes of a block alone, which the folder needs a graph for */
  cache?: 'dual';
}

const inBlocks = (blockLength: number): GenerateOptions => ({ ...common, sampler: 'first_hitting', blockLength });

export const points: readonly Point[] = [
  { name: 'ancestral, 1000 steps', options: { ...common, sampler: 'ancestral', numSteps: 1000 } },
  { name: 'ancestral, 128 steps', options: { ...common, sampler: 'ancestral', numSteps: 128 } },
  { name: 'ancestral, 32 steps', options: { ...common, sampler: 'ancestral', numSteps: 32 } },
  { name: 'causal, with a cache', options: { ...common, sampler: 'causal' } },
  { name: 'first_hitting', options: { ...common, sampler: 'first_hitting' } },
  { name: 'first_hitting in blocks of 4', options: inBlocks(4) },
  { name: 'first_hitting in blocks of 4, dual cache', options: inBlocks(4), cache: 'dual' },
  { name: 'first_hitting in blocks of 16', options: inBlocks(16) },
  { name: 'first_hitting in blocks of 16, dual cache', options: inBlocks(16), cache: 'dual' },
  { name: 'confidence, 64 steps', options: { ...common, sampler: 'confidence', numSteps: 64 } },
  { name: 'confidence, 32 steps', options: { ...common, sampler: 'confidence', numSteps: 32 } },
  { name: 'confidence, 16 steps', options: { ...common, sampler: 'confidence', numSteps: 16 } },
  { name: 'margin, 32 steps', options: { ...common, sampler: 'margin', numSteps: 32 } },
  { name: 'entropy, gamma 1', options: { ...common, sampler: 'entropy', gamma: 1, numSteps: 128 } },
  { name: 'threshold 0.9', options: { ...common, sampler: 'threshold', threshold: 0.9, numSteps: 128 } },
  { name: 'threshold 0.5 in blocks of 32', options: { ...common, sampler: 'threshold', threshold: 0.5, numSteps: 128, blockLength: 32 } },
  { name: 'confidence, 32 steps, early commit', options: { ...common, sampler: 'confidence', numSteps: 32, earlyCommit: true } },
  { name: 'ancestral, 128 steps, remasking 0.02', options: { ...common, sampler: 'ancestral', numSteps: 128, remasking: 0.02 } },
];

export async function measure(
  model: Model,
  judge: NgramModel,
  { point, batch, tokens }: { point: Point; batch: number; tokens?: number | undefined },
): Promise<FrontierRow> {
  // The first call of a sampler loads its graph and warms up the code.
  await generate(model, { ...point.options, n: 1, maxTokens: 2 });
  const began = performance.now();
  const before = process.cpuUsage();
  const { texts } = await generate(model, { ...point.options, n: batch, ...(tokens === undefined ? {} : { maxTokens: tokens }) });
  const seconds = (performance.now() - began) / 1000;
  const used = process.cpuUsage(before);
  const { bos } = model.tokenizer.special;
  const units = texts.map(({ completion }) => model.tokenizer.encode(completion)).filter(({ length }) => length > 0);
  const logs = logProbabilities(judge, units, bos);
  const pairs = units.flatMap((ids) => Array.from(ids.subarray(1), (id, i) => `${ids[i]} ${id}`));
  return {
    name: point.name,
    batch,
    processor: (used.user + used.system) / 1000 / texts.reduce((sum, { tokens: count }) => sum + count, 0),
    rate: texts.reduce((sum, { tokens: count }) => sum + count, 0) / seconds,
    nfe: texts.reduce((sum, { nfe }) => sum + nfe, 0) / batch,
    judged: -logs.reduce((sum, log) => sum + log, 0) / logs.length,
    distinct: new Set(pairs).size / pairs.length,
  };
}
