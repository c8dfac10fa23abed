import type { ModelConfig } from '@mdiff/config';
import { ofPart } from '@mdiff/trace';
import type { Graph } from '@mdiff/trace';
import type { StepBatch, Update } from '../engine.js';
import { splitBatch } from '../parts.js';
import type { Part } from '../parts.js';
import { feedsOf, maskFeeds, rowsOf } from '../passes/feeds.js';
import type { Feeds, HostArray } from '../passes/feeds.js';
import { masksOf } from '../passes/graphs.js';
import { withFiller } from './filler.js';

// The inputs of the SavedModel's signatures: a batch in parts, dropout masks, and the scalars of an update.

export const scalar = (value: number): HostArray => ({ type: 'float32', data: Float32Array.of(value), shape: [] });

/** The inputs that `adamw` adds to a signature. */
export const adamwFeeds = ({ lr, step, beta1, beta2, eps, weightDecay, clip, ema }: Update): Feeds => ({
  'adam.clip': scalar(clip),
  'adam.rate': scalar(lr / (1 - beta1 ** step)),
  'adam.root': scalar(1 / Math.sqrt(1 - beta2 ** step)),
  'adam.eps': scalar(eps),
  'adam.keep': scalar(1 - lr * weightDecay),
  'adam.ema': scalar(ema),
});

/** The feeds of one part, by the names that `replicate` gives its inputs. */
const named = (feeds: Feeds, part: number): Feeds =>
  Object.fromEntries(Object.entries(feeds).map(([name, array]) => [array.shape.length > 0 ? ofPart(name, part) : name, array]));

const merged = (feeds: readonly Feeds[]): Feeds => Object.assign({}, ...feeds) as Feeds;

/** Only what a graph has as inputs is fed: `optimize` may have dropped one that nothing reads. */
const inputsOf = ({ inputs }: Graph, feeds: Feeds): Feeds =>
  Object.fromEntries(inputs.flatMap(({ name }) => (feeds[name] ? [[name, feeds[name]]] : [])));

/** The parts of a batch, without dropout masks. */
export const partFeeds = (split: readonly Part[], graph: Graph): Feeds =>
  inputsOf(graph, merged(split.map(({ batch }, part) => named(feedsOf(withFiller(batch)), part))));

/** A training batch. Its masks are drawn for the whole batch, so that they do not depend on the number of parts. */
export function trainFeeds(batch: StepBatch, { config, parts, graph }: { config: ModelConfig; parts: number; graph: Graph }): Feeds {
  const split = splitBatch(batch, parts);
  const masks = maskFeeds(batch, masksOf(config, batch.B, batch.S, batch.dropout !== undefined));
  return { ...partFeeds(split, graph), ...merged(split.map((one, part) => named(rowsOf(masks, one), part))) };
}
