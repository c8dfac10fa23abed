// Runs the passes of one graph with as many threads as are fastest on this machine at this time: a second thread may halve the time of a pass or, beside
// other work, double it. The outputs are the same to the bit (export.test.ts of packages/integration), so no text depends on the choice. Knows no runtime.
import type { InferenceSession } from 'onnxruntime-node';

/** A loaded graph. */
export type Graph = Pick<InferenceSession, 'inputNames' | 'inputMetadata' | 'outputMetadata'> & {
  run(feeds: InferenceSession.FeedsType): Promise<InferenceSession.ReturnType>;
};

/** Passes in each of two ways that a comparison times; the medians count. */
const TRIES = 3;
/** Passes between two comparisons: as many, then twice as many for each that changes nothing, at most. */
const FIRST_WAIT = 16;
const LONGEST_WAIT = 512;

/** Says which of several ways, each a neighbour of the one before it, the passes of one size take. */
function choose(count: number) {
  let best = 0;
  let side = 1;
  let left = 0;
  let wait = FIRST_WAIT / 2;
  let times: [best: number[], rival: number[]] = [[], []];
  const rival = (): number => (best + side >= 0 && best + side < count ? best + side : best - side);
  const compares = (): boolean => count > 1 && left === 0;
  return {
    /** @param mayCompare false: no way that has not run yet */
    next: (mayCompare: boolean): number => (mayCompare && compares() && times[1].length < times[0].length ? rival() : best),
    /** The next pass took so long in this way. */
    took(way: number, ms: number): void {
      if (!compares()) {
        left--;
        return;
      }
      const own = times[way === best ? 0 : 1];
      own.push(ms);
      if (own.length > TRIES) own.shift();
      if (times[1].length < TRIES) return;
      const changes = median(times[1]) < median(times[0]);
      if (changes) best = rival();
      else side = -side;
      wait = changes ? FIRST_WAIT : Math.min(2 * wait, LONGEST_WAIT);
      left = wait;
      times = [[], []];
    },
  };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Loads a graph in one more way; null where that is no longer possible. */
export type LoadMore = () => Promise<Graph | null>;

/**
 * A graph in several ways, of which the first is loaded at once. Another is loaded when the passes have taken longer than loading took, so that a short call
 * does not wait for it. Where one cannot be loaded, the passes of each size stay with the way that they have.
 */
export async function fastest(
  load: () => Promise<Graph>,
  more: readonly LoadMore[],
  now: () => number = () => performance.now(),
): Promise<Graph> {
  const began = now();
  const first = await load();
  if (more.length === 0) return first;
  const loading = now() - began;
  const graphs = new Map([[0, first]]);
  const sizes = new Map<string, ReturnType<typeof choose>>();
  let spent = 0;
  let settled = false;
  /** The graph of a way, and which one it is. */
  async function graphOf(choice: ReturnType<typeof choose>): Promise<readonly [number, Graph]> {
    const way = choice.next(spent > loading && !settled);
    const graph = graphs.get(way) ?? (await more[way - 1]!());
    if (graph === null) {
      settled = true;
      return graphOf(choice);
    }
    graphs.set(way, graph);
    return [way, graph];
  }
  return {
    inputNames: first.inputNames,
    inputMetadata: first.inputMetadata,
    outputMetadata: first.outputMetadata,
    async run(feeds) {
      const size = sizeOf(feeds);
      const choice = sizes.get(size) ?? choose(1 + more.length);
      sizes.set(size, choice);
      const [way, graph] = await graphOf(choice);
      const start = now();
      const outputs = await graph.run(feeds);
      const ms = now() - start;
      spent += ms;
      choice.took(way, ms);
      return outputs;
    },
  };
}

/** Passes of one size have about as many texts, of about the same length. */
const sizeOf = ({ input_ids: ids }: InferenceSession.FeedsType): string => ids!.dims.map((n) => Math.ceil(Math.log2(n))).join();
