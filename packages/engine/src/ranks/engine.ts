import { createHash } from 'node:crypto';
import type { Engine, StepBatch, StepEngine, StepResult, Update } from '../engine.js';
import type { TrainState } from '../state.js';
import { everyone, hear, ranksError, tell } from './communicator.js';
import type { Communicator } from './communicator.js';
import { ownerOf, share, summation } from './exchange.js';

// An engine over ranks: each computes its passes of a step, all exchange their gradients, and each applies the sum. Rank 0 leads: a training loop sees
// one engine. The others follow its orders, with weights that stay equal to its own.

/** How gradients are exchanged (`training.gradient_exchange`). */
export type Exchange = 'ordered' | 'float32' | 'bfloat16';

export interface RanksOptions {
  comm: Communicator;
  exchange: Exchange;
  /** of each rank, for messages: "rank 2 (host b, pid 71)" */
  names: readonly string[];
}

/** The step's batches that this rank computes, by pass. */
type Passes = readonly { pass: number; batch: StepBatch }[];

type Shape = Pick<StepBatch, 'B' | 'S' | 'causal'> & { count: number };

type Order =
  | { op: 'step'; update: Update; passes: number }
  | { op: 'evaluate'; shapes: Shape[] }
  | { op: 'load'; average: boolean }
  | { op: 'read' | 'resetMoments' }
  | { op: 'run'; value: unknown }
  | { op: 'end'; code: number };

/** The passes of a step that `rank` computes. */
const passesOf = (batches: readonly StepBatch[], { rank, size }: Pick<Communicator, 'rank' | 'size'>): Passes =>
  batches.flatMap((batch, pass) => (ownerOf(pass, size) === rank ? [{ pass, batch }] : []));

/** What every rank does in each order; `own` are the batches of its passes. */
function memberOf(engine: Engine, { comm, exchange, names }: RanksOptions) {
  const { total } = engine.layout;
  const { size } = comm;
  const sum = summation(comm, { length: total, half: exchange === 'bfloat16' });

  /** The sum over the passes in their order: the bits of one rank that accumulates them all. */
  async function inOrder(own: Passes, passes: number, losses: Float64Array): Promise<Float32Array> {
    const rounds = Math.ceil(passes / size);
    let result: Float32Array | undefined;
    let running = Promise.resolve();
    for (let round = 0; round < rounds; round++) {
      const mine = own[round];
      if (mine) losses[mine.pass] = (await engine.grads(mine.batch)).loss;
      const gradient = mine && (await engine.take());
      await running;
      if (round + 1 === rounds) result = gradient ?? new Float32Array(total);
      // While the engine works on the next pass.
      running = sum({ count: Math.min(size, passes - round * size), gradient, first: round === 0, ...(result && { result }) });
      running.catch(() => undefined); // awaited below
    }
    await running;
    return result!;
  }

  async function atOnce(own: Passes, losses: Float64Array): Promise<Float32Array> {
    for (const { pass, batch } of own) losses[pass] = (await engine.grads(batch)).loss;
    const gradient = await engine.take();
    await sum({ count: size, gradient, first: true, result: gradient });
    return gradient;
  }

  return {
    step: async (own: Passes, passes: number, update: Update): Promise<StepResult> => {
      const losses = new Float64Array(passes);
      const gradient = await (exchange === 'ordered' ? inOrder(own, passes, losses) : atOnce(own, losses));
      await comm.sum(losses); // each loss is one rank's; zeros leave it as it is
      const loss = losses.reduce((all, one) => all + one, 0);
      if (!Number.isFinite(loss)) return { loss, gradNorm: NaN, finite: false };
      return { loss, ...(await engine.apply(update, gradient, true)) };
    },
    load: async (state: TrainState): Promise<void> => {
      for (const array of [state.params, state.m, state.v, ...(state.ema ? [state.ema] : [])]) await share(comm, array, 0);
      await engine.load(state);
    },
    /** The state, and the first rank whose weights are not those of rank 0. */
    read: async (): Promise<{ state: TrainState; other: string | undefined }> => {
      const state = await engine.read();
      const digests = await everyone(comm, digestOf(state));
      return { state, other: names[digests.findIndex((digest) => digest !== digests[0])] };
    },
    resetMoments: () => engine.resetMoments(),
  };
}

function digestOf({ params, m, v }: TrainState): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of [params, m, v]) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

const shapeOf = ({ B, S, causal, rows }: StepBatch): Shape => ({ B, S, causal, count: rows.length });
const emptyBatch = ({ B, S, causal, count }: Shape): StepBatch => ({
  ...{ B, S, causal },
  ...{ ids: new Int32Array(B * S), segments: new Int32Array(B * S), positions: new Int32Array(B * S) },
  ...{ rows: new Int32Array(count), targets: new Int32Array(count), weights: new Float32Array(count) },
});
const arraysOf = ({ ids, segments, positions, rows, targets, weights }: StepBatch) => [ids, segments, positions, rows, targets, weights];

/** The engine of rank 0, which leads the others. */
export interface LeadingEngine extends StepEngine {
  /** Gives the other ranks a value, in order with everything else. */
  tell(value: unknown): Promise<void>;
  /** true: in the middle of an order, or one failed there, and the other ranks wait in it */
  readonly busy: boolean;
  /** Lets the other ranks go, with this exit code. */
  dismiss(code: number): Promise<void>;
}

export function leadingEngine(engine: Engine, options: RanksOptions): LeadingEngine {
  const { comm } = options;
  const member = memberOf(engine, options);
  let running = false;
  /** Gives an order, and carries it out here. */
  const order = async <T>(value: Order, own: () => Promise<T>): Promise<T> => {
    running = true;
    const told = tell(comm, value); // before any message of its own
    const [result] = await Promise.all([own(), told]);
    running = false;
    return result;
  };
  const evaluateAll = (batches: readonly StepBatch[]): Promise<Float32Array[]> => {
    const others = batches.slice(1);
    if (others.length === 0) return Promise.all(batches.map((batch) => engine.evaluate(batch)));
    const remote = async (batch: StepBatch, rank: number): Promise<Float32Array> => {
      await Promise.all(arraysOf(batch).map((array) => comm.send(array, rank)));
      const losses = new Float32Array(batch.rows.length);
      await comm.receive(losses, rank);
      return losses;
    };
    return order({ op: 'evaluate', shapes: others.map(shapeOf) }, () =>
      Promise.all([engine.evaluate(batches[0]!), ...others.map((batch, i) => remote(batch, i + 1))]),
    );
  };
  return {
    name: engine.name,
    threads: engine.threads,
    layout: engine.layout,
    ranks: comm.size,
    step: (batches, update) =>
      order({ op: 'step', update, passes: batches.length }, () => member.step(passesOf(batches, comm), batches.length, update)),
    evaluate: (batch) => engine.evaluate(batch),
    evaluateAll,
    read: async () => {
      const { state, other } = await order({ op: 'read' }, () => member.read());
      if (other === undefined) return state;
      throw ranksError(
        `${other}: its weights are no longer those of rank 0: its processor or its libraries round differently; use machines of one kind, or set engine and hardware.cpu_threads`,
      );
    },
    load: (state) => order({ op: 'load', average: state.ema !== undefined }, () => member.load(state)),
    resetMoments: () => order({ op: 'resetMoments' }, () => member.resetMoments()),
    exportOnnx: (params, causal) => engine.exportOnnx(params, causal),
    startup: () => engine.startup(),
    close: () => engine.close(),
    tell: (value) => order({ op: 'run', value }, () => Promise.resolve()),
    get busy() {
      return running;
    },
    dismiss: (code) => tell(comm, { op: 'end', code } satisfies Order),
  };
}

export interface FollowOptions extends RanksOptions {
  /** the batches of a step: the same on every rank */
  draw(step: number): Promise<readonly StepBatch[]>;
  /** Prepares the batches from `step` on, while the engine works. */
  ahead(step: number): void;
  /** a value that rank 0 tells */
  onTold(value: unknown): Promise<void> | void;
}

/** Follows rank 0 until it dismisses this rank. @returns the exit code that it gives */
export async function followLeader(engine: Engine, options: FollowOptions): Promise<number> {
  const { comm, draw, ahead, onTold } = options;
  const member = memberOf(engine, options);
  const flat = (): Float32Array => new Float32Array(engine.layout.total);
  for (;;) {
    const order = await hear<Order>(comm, 0);
    if (order.op === 'end') return order.code;
    if (order.op === 'step') {
      const step = order.update.at!;
      const running = member.step(passesOf(await draw(step), comm), order.passes, order.update);
      ahead(step + 1);
      await running;
    }
    if (order.op === 'evaluate') await evaluateOne(engine, comm, order.shapes[comm.rank - 1]);
    else if (order.op === 'load') await member.load({ params: flat(), m: flat(), v: flat(), ...(order.average && { ema: flat() }) });
    else if (order.op === 'run') await onTold(order.value);
    else if (order.op === 'read') await member.read();
    else if (order.op === 'resetMoments') await member.resetMoments();
  }
}

async function evaluateOne(engine: Engine, comm: Communicator, shape: Shape | undefined): Promise<void> {
  if (shape === undefined) return; // fewer batches than ranks
  const batch = emptyBatch(shape);
  await Promise.all(arraysOf(batch).map((array) => comm.receive(array, 0)));
  await comm.send(await engine.evaluate(batch), 0);
}
