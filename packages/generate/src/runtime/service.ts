// What the inference thread answers, in any runtime: passes, canvases to fill, texts from left to right.
import { Later, Moved, type Turns } from '@mdiff/workers/browser';
import { causalPasses, type CausalPasses, type TensorClass, type TextCache } from './cache.js';
import { causalFill } from './causalfill.js';
import { blockPasses } from './blockpass.js';
import { cachedPasses, type CacheKind } from './blockcache.js';
import type { Graph } from './fastest.js';
import { feedOf, type Feed } from './feed.js';
import { startFilling, stepTogether, type FillPass } from './filling.js';
import { fillInTurn, type FillingCalls } from './fillings.js';
import type { CacheSize, NextTokens } from './session.js';

/** Arguments of the calls about texts that are written from left to right; `writer` is a number that the caller chooses. */
export interface WriterCalls {
  begin: CacheSize & { readonly writer: number };
  next: NextTokens & { readonly writer: number };
  keep: { readonly writer: number; readonly rows: readonly number[] };
  end: { readonly writer: number };
}

/** What a runtime has loaded. */
export interface Loaded {
  readonly session: Graph;
  /** the graph that reads a cache, with which canvases are filled, and what it computes of them */
  readonly block?: { readonly session: Graph; readonly kind: CacheKind };
  readonly Tensor: TensorClass;
  /** called when the causal graph is first needed */
  readonly loadCausal: () => Promise<Graph>;
}

const GRAPH_INPUTS = ['input_ids', 'attention_mask', 'rows'];
const BLOCK_INPUTS = ['input_ids', 'attention_mask', 'position', 'unread', 'rows'];
const CAUSAL_INPUTS = ['input_ids', 'position', 'rows'];

/** Throws for a graph that has other inputs, or other columns than the vocabulary: every token would be wrong. */
function checkGraph({ inputNames, inputMetadata, outputMetadata }: Graph, inputs: readonly string[], vocab: number): void {
  const missing = inputs.find((name) => !inputNames.includes(name));
  if (missing !== undefined) throw new Error(`it has no input "${missing}", so it is no graph for this`);
  const logits = outputMetadata.find(({ name }) => name === 'logits');
  if (!logits?.isTensor) throw new Error('it has no output "logits", so it is no graph of a language model');
  const columns = logits.shape.at(-1);
  const position = inputMetadata.find(({ name }) => name === 'position');
  if (position?.isTensor && position.shape.length !== 1)
    throw new Error('its input "position" is one number for all texts, so an older mdiff has exported it');
  if (typeof columns === 'number' && columns !== vocab)
    throw new Error(`its vocabulary is ${columns}, and vocab_size in config.json is ${vocab}, so it is the graph of another model`);
}

const moved = (data: Float32Array): Moved<Float32Array> => new Moved(data, [data.buffer as ArrayBuffer]);

/** The methods of a thread; `open` is the first call, and its argument is the runtime's. */
export function service<Args extends { readonly vocab: number }, Report>(
  open: (args: Args) => Promise<Loaded & { readonly report: Report }>,
) {
  let loaded: Loaded | null = null;
  let vocab = 0;
  const fillings = fillInTurn((some) => stepTogether(some, ({ sampler }) => (sampler === 'causal' ? causal!.fill : fillPass)));
  let causal: { passes: CausalPasses; fill: FillPass } | null = null;
  const writers = new Map<number, readonly TextCache[]>();
  let fillPass: FillPass = (rows, reserved) => pass(feedOf(rows, { ...reserved, ahead: 0 }));

  async function pass({ ids, attention, rows, batch, length }: Feed): Promise<Float32Array> {
    const { session, Tensor } = loaded!;
    const shape = [batch, length];
    const output = await session.run({
      input_ids: new Tensor('int32', ids, shape),
      attention_mask: new Tensor('int32', attention, shape),
      rows: new Tensor('int32', rows, [rows.length]),
    });
    return output['logits']!.data as Float32Array;
  }

  /** The causal graph, which is loaded when it is first needed. */
  async function loadCausal(): Promise<CausalPasses> {
    if (causal === null) {
      const session = await loaded!.loadCausal();
      checkGraph(session, CAUSAL_INPUTS, vocab);
      const passes = causalPasses(session, loaded!.Tensor);
      causal = { passes, fill: causalFill(passes) };
    }
    return causal.passes;
  }

  return {
    open: async (args: Args): Promise<Report> => {
      const { report, ...rest } = await open(args);
      checkGraph(rest.session, GRAPH_INPUTS, args.vocab);
      if (rest.block) checkGraph(rest.block.session, BLOCK_INPUTS, args.vocab);
      loaded = rest;
      if (rest.block) fillPass = cachedPasses(blockPasses(rest.block.session, rest.Tensor), fillPass, rest.block.kind);
      vocab = args.vocab;
      return report;
    },
    run: async (feed: Feed) => moved(await pass(feed)),
    beginFilling: async ({ filling, task }: Parameters<FillingCalls['begin']>[0], turns: Turns) => {
      if (task.sampler === 'causal') await loadCausal();
      fillings.begin(filling, startFilling(task), turns);
    },
    fillingNews: () => new Later(fillings.news()),
    endFilling: ({ filling }: Parameters<FillingCalls['end']>[0]) => fillings.end(filling),
    begin: async ({ writer, batch, places }: WriterCalls['begin']) => {
      const passes = await loadCausal();
      writers.set(
        writer,
        Array.from({ length: batch }, () => passes.empty(places)),
      );
    },
    next: async ({ writer, ids, length }: WriterCalls['next']) =>
      moved(
        await causal!.passes.read(writers.get(writer)!.map((cache, b) => ({ cache, ids: ids.subarray(b * length, (b + 1) * length) }))),
      ),
    keep: ({ writer, rows }: WriterCalls['keep']) => {
      const caches = writers.get(writer)!;
      writers.set(
        writer,
        rows.map((row, i) => (rows.indexOf(row) === i ? caches[row]! : causal!.passes.copy(caches[row]!))),
      );
    },
    end: ({ writer }: WriterCalls['end']) => void writers.delete(writer),
  };
}
