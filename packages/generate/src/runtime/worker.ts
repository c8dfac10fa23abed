// The inference thread. `run()` of ONNX Runtime blocks the thread that calls it, so it gets its own.
import { Moved, serveWorker } from '@mdiff/workers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { textCache, type TextCache } from './cache.js';
import { startFilling, type FillProgress, type FillTask, type Filling } from './filling.js';
import type { Feed } from './feed.js';
import type { CacheSize, NextTokens, SessionOptions } from './session.js';

/** Argument of `open`, the first call. */
export interface OpenArgs extends SessionOptions {
  readonly graph: string;
}

/** Arguments of the calls about texts that are written from left to right; `writer` is a number that the caller chooses. */
export interface WriterCalls {
  begin: CacheSize & { readonly writer: number; readonly graph: string };
  next: NextTokens & { readonly writer: number };
  keep: { readonly writer: number; readonly rows: readonly number[] };
  end: { readonly writer: number };
}

/** Arguments of the calls about canvases that are being filled; `filling` is a number that the caller chooses. */
export interface FillingCalls {
  beginFilling: { readonly filling: number; readonly task: FillTask };
  stepFilling: { readonly filling: number };
  endFilling: { readonly filling: number };
}

let session: InferenceSession | null = null;
const fillings = new Map<number, Filling>();
let threads = 0;
/** Loaded when it is first needed. */
let causal: InferenceSession | null = null;
const writers = new Map<number, TextCache>();

const load = (graph: string): Promise<InferenceSession> =>
  InferenceSession.create(graph, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    // Errors come back as exceptions; ONNX Runtime's own log would go to the terminal.
    logSeverityLevel: 4,
    // With spinning, idle threads wait in a busy loop between passes: 2.5 times the processor time for one text at a time (measured).
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });

async function open({ graph, threads: count = 0 }: OpenArgs): Promise<void> {
  threads = count;
  session = await load(graph);
}

const moved = (data: Float32Array): Moved<Float32Array> => new Moved(data, [data.buffer as ArrayBuffer]);

async function pass({ ids, attention, rows, batch, length }: Feed): Promise<Float32Array> {
  const shape = [batch, length];
  const output = await session!.run({
    input_ids: new Tensor('int32', ids, shape),
    attention_mask: new Tensor('int32', attention, shape),
    rows: new Tensor('int32', rows, [rows.length]),
  });
  return output['logits']!.data as Float32Array;
}

serveWorker({
  open,
  run: async (feed: Feed) => moved(await pass(feed)),
  beginFilling: ({ filling, task }: FillingCalls['beginFilling']) => void fillings.set(filling, startFilling(task, pass)),
  stepFilling: ({ filling }: FillingCalls['stepFilling']): Promise<FillProgress> => fillings.get(filling)!.step(),
  endFilling: ({ filling }: FillingCalls['endFilling']) => void fillings.delete(filling),
  begin: async ({ writer, graph, ...size }: WriterCalls['begin']) => {
    causal ??= await load(graph);
    writers.set(writer, textCache(causal, Tensor, size));
  },
  next: async ({ writer, ...tokens }: WriterCalls['next']) => moved(await writers.get(writer)!.next(tokens)),
  keep: ({ writer, rows }: WriterCalls['keep']) => writers.get(writer)!.keep(rows),
  end: ({ writer }: WriterCalls['end']) => void writers.delete(writer),
});
