// A rank of the measurement: `node … rank.ts FOLDER ENGINE [bf16]`, alone or under a launcher of MPI. Rank 0 reads requests from its standard input, a line
// of JSON each, and answers with a line; the others follow it. Between requests all sleep.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { engines, everyone, followLeader, leadingEngine, openMpi, worldOf } from '@mdiff/engine';
import type { Communicator, Engine, RanksOptions, StepBatch, StepEngine } from '@mdiff/engine';
import { SEED, batchesOf } from '../train/sizes.js';
import type { Inputs } from '../train/inputs.js';
import { idleEngine } from './idle.js';

/** One turn of a measurement, as it is asked for. */
export interface Request {
  /** how gradients are exchanged; of one rank alone, nothing is */
  exchange: RanksOptions['exchange'];
  /** forward and backward passes of each rank in a step */
  passes: number;
  steps: number;
  /** exchanges this many numbers, and computes nothing */
  numbers?: number;
  /** sends and receives so many messages of 16 KiB at once, and computes nothing: the parts of a chunk among many ranks */
  messages?: number;
}

export interface Answer {
  /** of each step */
  ms: number[];
  /** processor time of each rank in the whole turn */
  cpu_ms: number[];
}

const [folder, name, precision] = process.argv.slice(2) as [string, string, string?];
const { model, update, batches: count, tensorflow } = JSON.parse(readFileSync(join(folder, 'ours.json'), 'utf8')) as Inputs;
const world = worldOf();
const comm = world && openMpi(process.env.MDIFF_BENCH_CACHE!, world);
const engine = await engines[name]!({
  model,
  threads: 1,
  labelSmoothing: 0,
  seed: SEED,
  mixedPrecision: precision === 'bf16',
  ...(tensorflow && { tensorflow }),
});
const drawn = batchesOf(model, count);
/** The batches of a step, by pass: of all ranks. */
const batchesFor = (passes: number): StepBatch[] => Array.from({ length: passes }, (_, pass) => drawn[pass % drawn.length]!);

let done = 0;
async function turn(stepping: StepEngine, { passes, steps }: Request, ranks: number): Promise<number[]> {
  const ms: number[] = [];
  const batches = batchesFor(passes * ranks);
  for (let i = 0; i < steps; i++) {
    const begun = performance.now();
    await stepping.step(batches, { ...update, step: ++done, at: i });
    ms.push(performance.now() - begun);
  }
  return ms;
}

/** Milliseconds of processor time since the call. */
function stopwatch(): () => number {
  const begun = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1000;
  };
}

const engineOf = ({ numbers }: Request): Engine => (numbers === undefined ? engine : idleEngine(numbers));

/** The time of `count` messages each way, all on their way at once. */
async function messagesOf(comm: Communicator, { messages: count = 0, steps }: Request): Promise<number[]> {
  const part = (): Uint8Array[] => Array.from({ length: count }, () => new Uint8Array(1 << 14));
  const [outgoing, incoming] = [part(), part()];
  const ms: number[] = [];
  for (let i = 0; i < steps; i++) {
    const begun = performance.now();
    await Promise.all(outgoing.flatMap((data, k) => [comm.receive(incoming[k]!, 1 - comm.rank), comm.send(data, 1 - comm.rank)]));
    ms.push(performance.now() - begun);
  }
  return ms;
}

async function* requests(): AsyncGenerator<Request> {
  for await (const line of createInterface(process.stdin)) yield JSON.parse(line) as Request;
}
const answer = (value: Answer): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

async function lead(comm: Communicator): Promise<void> {
  const names = Array.from({ length: comm.size }, (_, rank) => `rank ${rank}`);
  for await (const request of requests()) {
    await everyone(comm, request);
    const leading = leadingEngine(engineOf(request), { comm, exchange: request.exchange, names });
    const cpu = stopwatch();
    const ms = await (request.messages === undefined ? turn(leading, request, comm.size) : messagesOf(comm, request));
    if (request.messages === undefined) await leading.dismiss(0);
    answer({ ms, cpu_ms: await everyone(comm, cpu()) });
  }
  await everyone(comm, null);
}

async function follow(comm: Communicator): Promise<void> {
  for (;;) {
    const [request] = await everyone<Request | null>(comm, null);
    if (!request) return;
    const cpu = stopwatch();
    const batches = batchesFor(request.passes * comm.size);
    if (request.messages !== undefined) await messagesOf(comm, request);
    else
      await followLeader(engineOf(request), {
        comm,
        exchange: request.exchange,
        names: [],
        draw: () => Promise.resolve(batches),
        ahead: () => undefined,
        onTold: () => undefined,
      });
    await everyone(comm, cpu());
  }
}

if (comm) {
  await (comm.rank === 0 ? lead(comm) : follow(comm));
  await comm.close();
} else
  for await (const request of requests()) {
    const cpu = stopwatch();
    const ms = await turn(engine, request, 1);
    answer({ ms, cpu_ms: [cpu()] });
  }
await engine.close();
