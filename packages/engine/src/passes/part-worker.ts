import type { ParamLayout } from '@mdiff/model';
import { serveWorker } from '@mdiff/workers';
import { openOrtSession } from '../onnxruntime/session.js';
import { views } from './feeds.js';
import type { Feeds } from './feeds.js';
import type { Pass } from './host.js';

// The thread that runs passes over one part of every batch (part-threads.ts). It loads no TensorFlow.js.

/** The argument of each call. */
export interface PartCalls {
  /** `weights` and `gradient` are flat and in shared memory */
  open: { layout: ParamLayout; weights: Float32Array; gradient: Float32Array; threads: number };
  compile: { key: string; model: Uint8Array };
  /** `version` of the weights in shared memory */
  run: { key: string; feeds: Feeds; version: number };
}

/** Of a training pass the loss, its gradient being in shared memory; of an evaluation the cross-entropies. */
export interface PartResult {
  loss: number;
  ce: Float32Array;
}

let setting: PartCalls['open'];
/** ONNX Runtime takes no shared memory, so the weights are copied. */
let copy: Float32Array;
let copiedVersion = -1;
let weights: Feeds;
const passes = new Map<string, Promise<Pass>>();

serveWorker({
  open: (given: PartCalls['open']) => {
    setting = given;
    copy = new Float32Array(given.weights.length);
    weights = views(given.layout, copy);
  },
  compile: async ({ key, model }: PartCalls['compile']) => {
    const pass = openOrtSession(model, setting.threads);
    passes.set(key, pass);
    await pass;
  },
  run: async ({ key, feeds, version }: PartCalls['run']): Promise<PartResult> => {
    if (version !== copiedVersion) copy.set(setting.weights);
    copiedVersion = version;
    const outputs = await (await passes.get(key)!)({ ...feeds, ...weights });
    if (outputs.ce) return { loss: 0, ce: outputs.ce };
    for (const { name, offset } of setting.layout.params) setting.gradient.set(outputs[`grad.${name}`]!, offset);
    return { loss: outputs.loss![0]!, ce: new Float32Array(0) };
  },
});
