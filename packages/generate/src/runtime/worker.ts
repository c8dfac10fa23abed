// The inference thread of Node. `run()` of ONNX Runtime blocks the thread that calls it, so it gets its own.
import type { Tokenizer } from '@mdiff/text/tokenizer';
import { coreThreads, serveWorker } from '@mdiff/workers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { CacheKind } from './blockcache.js';
import { fastest, type Graph } from './fastest.js';
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

/**
 * All cores, half of them, and so on to one, unless the caller says how many. ONNX Runtime's own default counts the cores of the machine, also in a
 * container that may use one of them.
 */
function threadCounts(wanted: number): number[] {
  const counts = [wanted || coreThreads()];
  while (wanted === 0 && counts.at(-1)! > 1) counts.push(counts.at(-1)! >> 1);
  return counts;
}

const load = (graph: string, wanted: number): Promise<Graph> =>
  fastest(threadCounts(wanted).map((threads) => () => create(graph, threads)));

const create = (graph: string, threads: number): Promise<Graph> =>
  InferenceSession.create(graph, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    // Errors come back as exceptions; ONNX Runtime's own log would go to the terminal.
    logSeverityLevel: 4,
    // Threads wait for the next operator in a busy loop: to be woken would take longer than most operators. So short a wait ends before the next pass, where
    // ONNX Runtime's own would go on between passes, for 2.5 times the processor time (measured).
    extra: { session: { intra_op: { allow_spinning: '1', spin_duration_us: '100' } } },
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
