import type { ModelConfig } from '@mdiff/config';
import { addFlat } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import { startWorker } from '@mdiff/workers';
import type { Remote } from '@mdiff/workers';
import { feedsOf, maskFeeds, rowsOf, views } from './feeds.js';
import type { Feeds, Kind } from './feeds.js';
import { masksOf, passKey } from './graphs.js';
import type { PassShape } from './graphs.js';
import { gather } from './host.js';
import type { Pass, Passes, Weights } from './host.js';
import type { StepBatch } from '../engine.js';
import type { PartCalls, PartResult } from './part-worker.js';
import { openOrtSession } from '../onnxruntime/session.js';
import { inOrder, splitBatch } from '../parts.js';
import type { Part } from '../parts.js';

// Passes over a batch in parts, each in a thread of its own. This thread computes the first part; the others compute in worker threads with
// ONNX Runtime and a copy of the weights. Shared memory carries the weights there and the gradients back.

/** Makes the ONNX model of a pass. */
export type PassToOnnx = (shape: PassShape) => Uint8Array;

export interface PartThreads {
  parts: number;
  /** of ONNX Runtime in each part */
  threads: number;
}

interface PartThread {
  remote: Remote;
  /** of its part, in shared memory */
  gradient: Float32Array;
  /** keys of the passes that it has compiled */
  compiled: Set<string>;
}

interface PartModel {
  key: string;
  bytes: Uint8Array;
  /** compiled in this thread, for the first part */
  pass?: Promise<Pass>;
}

type Outputs = Record<string, Float32Array>;

const shared = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(4 * length));

function startThreads(layout: ParamLayout, weights: Float32Array, { parts, threads }: PartThreads): PartThread[] {
  const entry = new URL(import.meta.url.endsWith('.ts') ? './part-worker.ts' : './part-worker.js', import.meta.url);
  return Array.from({ length: parts - 1 }, () => {
    const gradient = shared(layout.total);
    const remote = startWorker(entry);
    const opened = remote.call('open', { layout, weights, gradient, threads } satisfies PartCalls['open']);
    opened.catch(() => undefined); // the next call fails with the same error
    return { remote, gradient, compiled: new Set<string>() };
  });
}

/** Returns a function that copies weights into `shared` if they are new there, and returns the number of copies so far: their version. */
function publisher(shared: Float32Array): (weights: Weights) => number {
  let last: Weights | undefined;
  let copies = 0;
  return (weights) => {
    if (last?.flat !== weights.flat || last.version !== weights.version) {
      shared.set(weights.flat);
      last = { ...weights };
      copies++;
    }
    return copies;
  };
}

/** `postMessage` copies all of the buffer that a view looks at, so each array gets a buffer of its own size. */
const ownBuffers = (feeds: Feeds): Feeds =>
  Object.fromEntries(Object.entries(feeds).map(([name, array]) => [name, { ...array, data: array.data.slice() }]));

async function runInThread(
  { remote, compiled }: PartThread,
  { key, bytes }: PartModel,
  feeds: Feeds,
  version: number,
): Promise<PartResult> {
  if (!compiled.has(key)) {
    compiled.add(key);
    await remote.call('compile', { key, model: bytes } satisfies PartCalls['compile']);
  }
  return remote.call<PartResult>('run', { key, feeds: ownBuffers(feeds), version } satisfies PartCalls['run']);
}

export function passesInParts(model: ModelConfig, layout: ParamLayout, toOnnx: PassToOnnx, threads: PartThreads): Passes {
  const sharedWeights = shared(layout.total);
  const others = startThreads(layout, sharedWeights, threads);
  const publish = publisher(sharedWeights);

  const models = new Map<string, PartModel>();
  const modelOf = (kind: Kind, { batch: { B, S } }: Part, dropout: boolean): PartModel => {
    const shape = { kind, B, S, masks: masksOf(model, B, S, dropout) };
    const key = passKey(shape);
    const known = models.get(key);
    if (known) return known;
    const made = { key, bytes: toOnnx(shape) };
    models.set(key, made);
    return made;
  };

  /** Runs a pass over every part. `first` gets the outputs of the first part while the other threads are still at work. */
  async function run(
    kind: Kind,
    batch: StepBatch,
    weights: Weights,
    first: (outputs: Outputs) => void,
  ): Promise<{ split: Part[]; rest: PartResult[] }> {
    const dropout = kind === 'train' && batch.dropout !== undefined;
    const split = splitBatch(batch, threads.parts);
    const version = publish(weights);
    const masks: Feeds = dropout ? maskFeeds(batch, masksOf(model, batch.B, batch.S, true)) : {};
    const feeds = (part: Part): Feeds => ({ ...feedsOf(part.batch), ...rowsOf(masks, part) });
    const [firstPart, ...otherParts] = split as [Part, ...Part[]];
    const rest = Promise.all(
      others.map(async (thread, i) => runInThread(thread, modelOf(kind, otherParts[i]!, dropout), feeds(otherParts[i]!), version)),
    );
    rest.catch(() => undefined); // awaited below, unless the first part fails before
    const partModel = modelOf(kind, firstPart, dropout);
    partModel.pass ??= openOrtSession(partModel.bytes, threads.threads);
    first(await (await partModel.pass)({ ...feeds(firstPart), ...views(layout, weights.flat) }));
    return { split, rest: await rest };
  }

  return {
    train: async (batch, weights, into, add) => {
      let firstOutputs: Outputs = {};
      const { rest } = await run('train', batch, weights, (outputs) => {
        firstOutputs = outputs;
        if (!add) gather(layout, outputs, into, false);
      });
      sumParts(
        layout,
        firstOutputs,
        others.map(({ gradient }) => gradient),
        into,
        add,
      );
      return rest.reduce((loss, part) => loss + part.loss, firstOutputs.loss![0]!);
    },
    evaluate: async (batch, weights) => {
      const results: Float32Array[] = [];
      const { split, rest } = await run('eval', batch, weights, (outputs) => void results.push(outputs.ce!));
      results.push(...rest.map(({ ce }) => ce));
      return inOrder(split, results);
    },
  };
}

/**
 * Sums the parts' gradients. They are added to each other before an earlier sum in `into`, so that a batch gives the same bits whatever
 * came before it. Without an earlier sum (`add` false), `into` already holds the first part's.
 */
function sumParts(layout: ParamLayout, first: Outputs, gradients: readonly Float32Array[], into: Float32Array, add: boolean): void {
  const [second, ...others] = gradients as [Float32Array, ...Float32Array[]];
  const sum = add ? second : into;
  if (add) gather(layout, first, sum, true);
  else addFlat(sum, second);
  for (const gradient of others) addFlat(sum, gradient);
  if (add) addFlat(into, sum);
}
