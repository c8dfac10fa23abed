// The inference thread of Node. `run()` of ONNX Runtime blocks the thread that calls it, so it gets its own.
import type { Tokenizer } from '@mdiff/text/tokenizer';
import { coreThreads, serveWorker } from '@mdiff/workers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { CacheKind } from './blockcache.js';
import type { GraphNames } from './remote.js';
import { service } from './service.js';
import type { SessionOptions, UnitsArgs } from './session.js';

/** Argument of `open`, the first call. */
export interface OpenArgs extends SessionOptions, GraphNames {
  /** fill canvases with this graph and a cache of this kind */
  readonly blockGraph?: string | undefined;
  readonly cache?: CacheKind | undefined;
  /** columns of the logits */
  readonly vocab: number;
  /** text of tokenizer.json */
  readonly tokenizer: string;
}

const load = (graph: string, threads: number): Promise<InferenceSession> =>
  InferenceSession.create(graph, {
    executionProviders: ['cpu'],
    // ONNX Runtime's own default counts the cores of the machine, also in a container that may use one of them.
    intraOpNumThreads: threads || coreThreads(),
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    // Errors come back as exceptions; ONNX Runtime's own log would go to the terminal.
    logSeverityLevel: 4,
    // With spinning, idle threads wait in a busy loop between passes: 2.5 times the processor time for one text at a time (measured).
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });

let json = '';
let tokenizer: Tokenizer | undefined;

serveWorker({
  ...service(async ({ graph, causalGraph, blockGraph, cache = 'dual', tokenizer: text, threads = 0 }: OpenArgs) => {
    json = text;
    const [session, block] = await Promise.all([load(graph, threads), blockGraph === undefined ? undefined : load(blockGraph, threads)]);
    return {
      session,
      ...(block && { block: { session: block, kind: cache } }),
      Tensor,
      loadCausal: () => load(causalGraph!, threads),
      report: undefined,
    };
  }),
  // The first long text needs them, and most models score none.
  units: async ({ text, slot }: UnitsArgs) => {
    const [{ Tokenizer }, { unitsOf }] = await Promise.all([import('@mdiff/text/tokenizer'), import('../units.js')]);
    tokenizer ??= Tokenizer.fromJson(json);
    return unitsOf(text, tokenizer, slot);
  },
});
