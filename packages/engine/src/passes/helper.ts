import type { ParamLayout } from '@mdiff/model';
import { views } from './feeds.js';
import type { Feeds } from './feeds.js';
import type { Pass } from './host.js';
import { serveWorker } from '@mdiff/workers';
import { openSession } from '../onnxruntime/session.js';

// A thread that runs passes over its part of every batch. It loads no TensorFlow.js.

export interface ToHelper {
  /** `weights` and `gradient` are in shared memory, flat */
  open: { layout: ParamLayout; weights: Float32Array; gradient: Float32Array; threads: number };
  compile: { key: string; model: Uint8Array };
  /** `version` of the weights that are there now */
  run: { key: string; feeds: Feeds; version: number };
}

let opened: ToHelper['open'];
/** ONNX Runtime takes no shared memory. */
let own: Float32Array;
let weights: Feeds;
let at = -1;
const passes = new Map<string, Promise<Pass>>();

serveWorker({
  open: (given: ToHelper['open']) => {
    opened = given;
    own = new Float32Array(given.weights.length);
    weights = views(given.layout, own);
  },
  compile: async ({ key, model }: ToHelper['compile']) => {
    const pass = openSession(model, opened.threads);
    passes.set(key, pass);
    await pass;
  },
  run: async ({ key, feeds, version }: ToHelper['run']) => {
    if (version !== at) own.set(opened.weights);
    at = version;
    const outputs = await (await passes.get(key)!)({ ...feeds, ...weights });
    if (outputs.ce) return { loss: 0, ce: outputs.ce };
    for (const { name, offset } of opened.layout.params) opened.gradient.set(outputs[`grad.${name}`]!, offset);
    return { loss: outputs.loss![0]!, ce: new Float32Array(0) };
  },
});
