import type { Feeds } from './feeds.js';
import type { Pass } from './host.js';
import { serveWorker } from './rpc.js';
import { openSession } from './session.js';

// A thread that runs passes over its part of every batch. It loads ONNX Runtime and nothing else.

export interface Slot {
  name: string;
  shape: readonly number[];
  offset: number;
  size: number;
}

export interface ToHelper {
  /** `weights` and `gradient` are in shared memory, flat, cut by `slots` */
  open: { slots: readonly Slot[]; weights: Float32Array; gradient: Float32Array; threads: number };
  compile: { key: string; model: Uint8Array };
  /** `version` of the weights that are there now */
  run: { key: string; feeds: Feeds; version: number };
}

let opened: ToHelper['open'];
/** ONNX Runtime takes no shared memory. */
let own: Float32Array;
let views: Feeds;
let at = -1;
const passes = new Map<string, Promise<Pass>>();

serveWorker({
  open: (given: ToHelper['open']) => {
    opened = given;
    own = new Float32Array(given.weights.length);
    views = Object.fromEntries(given.slots.map(({ name, shape, offset, size }) => [name, { type: 'float32', data: own.subarray(offset, offset + size), shape }]));
  },
  compile: async ({ key, model }: ToHelper['compile']) => {
    const pass = openSession(model, opened.threads);
    passes.set(key, pass);
    await pass;
  },
  run: async ({ key, feeds, version }: ToHelper['run']) => {
    if (version !== at) own.set(opened.weights);
    at = version;
    const outputs = await (await passes.get(key)!)({ ...feeds, ...views });
    if (outputs.ce) return { loss: 0, ce: outputs.ce };
    for (const { name, offset } of opened.slots) opened.gradient.set(outputs[`grad.${name}`]!, offset);
    return { loss: outputs.loss![0]!, ce: new Float32Array(0) };
  },
});
