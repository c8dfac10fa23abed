import type { ModelConfig } from '@mdiff/config';
import { addFlat } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import { feedsOf, maskFeeds, rowsOf, views } from './feeds.js';
import type { Feeds, Kind } from './feeds.js';
import { masksOf } from './graphs.js';
import { gather } from './host.js';
import type { Pass, Passes, Weights } from './host.js';
import type { StepBatch } from '../engine.js';
import type { ToHelper } from './helper.js';
import { startWorker } from '@mdiff/workers';
import { openSession } from '../onnxruntime/session.js';
import { inOrder, splitBatch } from '../parts.js';
import type { Part } from '../parts.js';

// Passes over a batch in parts, each in a thread of its own: the first in this one, the others in helpers that have ONNX Runtime
// and copies of the weights. Memory is shared for weights on the way there and for gradients on the way back.

/** Makes the ONNX model of a pass. */
export type Lower = (kind: Kind, B: number, S: number, masks: Record<string, readonly number[]>) => Uint8Array;

const shared = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(4 * length));

export function sharedPasses(model: ModelConfig, layout: ParamLayout, lower: Lower, parts: number, threads: number): Passes {
  const weights = shared(layout.total);
  const entry = new URL(import.meta.url.endsWith('.ts') ? './helper.ts' : './helper.js', import.meta.url);
  const helpers = Array.from({ length: parts - 1 }, () => {
    const gradient = shared(layout.total);
    const remote = startWorker(entry);
    const opened = remote.call('open', { layout, weights, gradient, threads } satisfies ToHelper['open']);
    opened.catch(() => undefined); // the next call fails with the same error
    return { remote, gradient, made: new Set<string>() };
  });
  let there: Weights | undefined;
  const publish = (given: Weights): number => {
    if (there?.flat !== given.flat || there.version !== given.version) {
      weights.set(given.flat);
      there = { ...given };
      published++;
    }
    return published;
  };
  let published = 0;

  const models = new Map<string, { bytes: Uint8Array; pass?: Promise<Pass> }>();
  const modelOf = (kind: Kind, { batch: { B, S } }: Part, dropping: boolean): { key: string; found: { bytes: Uint8Array; pass?: Promise<Pass> } } => {
    const key = `${kind} ${B} ${S} ${dropping}`;
    let found = models.get(key);
    if (!found) models.set(key, (found = { bytes: lower(kind, B, S, masksOf(model, B, S, dropping)) }));
    return { key, found };
  };

  /** The results of every part, the first one's here, the others' from where they are. */
  async function run(kind: Kind, batch: StepBatch, given: Weights, first: (outputs: Record<string, Float32Array>) => void): Promise<{ cut: Part[]; rest: { loss: number; ce: Float32Array }[] }> {
    const dropping = kind === 'train' && batch.dropout !== undefined;
    const cut = splitBatch(batch, parts);
    const version = publish(given);
    const masks: Feeds = dropping ? maskFeeds(batch, masksOf(model, batch.B, batch.S, true)) : {};
    const feeds = (part: Part): Feeds => ({ ...feedsOf(part.batch), ...rowsOf(masks, part) });
    // A view is sent with all of the buffer that it is a view of.
    const sent = (own: Feeds): Feeds => Object.fromEntries(Object.entries(own).map(([name, array]) => [name, { ...array, data: array.data.slice() }]));
    const rest = Promise.all(
      helpers.map(async ({ remote, made }, i) => {
        const { key, found } = modelOf(kind, cut[i + 1]!, dropping);
        if (!made.has(key)) {
          made.add(key);
          await remote.call('compile', { key, model: found.bytes } satisfies ToHelper['compile']);
        }
        return remote.call<{ loss: number; ce: Float32Array }>('run', { key, feeds: sent(feeds(cut[i + 1]!)), version } satisfies ToHelper['run']);
      }),
    );
    rest.catch(() => undefined); // awaited below, unless the first part fails before
    const { found } = modelOf(kind, cut[0]!, dropping);
    found.pass ??= openSession(found.bytes, threads);
    first(await (await found.pass)({ ...feeds(cut[0]!), ...views(layout, given.flat) }));
    return { cut, rest: await rest };
  }

  return {
    train: async (batch, given, into, add) => {
      let own: Record<string, Float32Array> = {};
      const { rest } = await run('train', batch, given, (outputs) => {
        own = outputs;
        if (!add) gather(layout, outputs, into, false); // while the others are still at work
      });
      const [next, ...others] = helpers.map(({ gradient }) => gradient) as [Float32Array, ...Float32Array[]];
      // The parts are added to each other before what was there, so that a batch gives the same bits whatever came before it.
      const sum = add ? next : into;
      if (add) gather(layout, own, sum, true);
      else addFlat(sum, next);
      for (const gradient of others) addFlat(sum, gradient);
      if (add) addFlat(into, sum);
      return rest.reduce((loss, part) => loss + part.loss, own.loss![0]!);
    },
    evaluate: async (batch, given) => {
      const found: Float32Array[] = [];
      const { cut, rest } = await run('eval', batch, given, (outputs) => void found.push(outputs.ce!));
      found.push(...rest.map(({ ce }) => ce));
      return inOrder(cut, found);
    },
  };
}
