// The inference thread of Node. `run()` of ONNX Runtime blocks the thread that calls it, so it gets its own.
import { stat } from 'node:fs/promises';
import { ModelError } from '@mdiff/folder';
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

/** Tells whether files still are those that they were. */
async function watchFiles(files: readonly (string | undefined)[]): Promise<() => Promise<boolean>> {
  const identities = (): Promise<string[]> =>
    Promise.all(
      files.map((file) =>
        file === undefined
          ? ''
          : stat(file, { bigint: true }).then(
              ({ dev, ino, size, mtimeNs }) => `${dev} ${ino} ${size} ${mtimeNs}`,
              () => 'gone',
            ),
      ),
    );
  const before = await identities();
  return async () => (await identities()).every((one, i) => one === before[i] && one !== 'gone');
}

/** @param same false: the folder now holds another model, or is gone */
function load(graph: string, wanted: number, same: () => Promise<boolean>): Promise<Graph> {
  const [first, ...others] = threadCounts(wanted);
  return fastest(
    () => create(graph, first!),
    others.map((threads) => async () => {
      if (!(await same())) return null;
      const made = await create(graph, threads).catch(() => null);
      return (await same()) ? made : null;
    }),
  );
}

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
    const same = await watchFiles([graph, causalGraph, blockGraph]);
    const [session, block] = await Promise.all([
      load(graph, threads, same),
      blockGraph === undefined ? undefined : load(blockGraph, threads, same),
    ]);
    return {
      session,
      ...(block && { block: { session: block, kind: cache } }),
      Tensor,
      async loadCausal() {
        const loaded = (await same()) && (await load(causalGraph!, threads, same));
        if (loaded && (await same())) return loaded;
        throw new ModelError(`${causalGraph}: the model folder has changed since it was loaded; load the model again`);
      },
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
