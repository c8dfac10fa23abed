import type { ProjectConfig } from '@mdiff/config';
import type { Communicator } from '@mdiff/engine';
import { MdiffError, closing } from '@mdiff/folder';
import { openHelp } from '@mdiff/prepare';
import type { Help, Helper, Part } from '@mdiff/prepare';

// Preparing a text on several ranks: rank 0 gives parts of the work to the others, which send back what comes of them. Only rank 0 writes.

/** A message of rank 0. After "over" nothing follows. */
type Request = Part | { op: 'over' };

/** Answer of a rank: the lengths of what follows, or an error. */
type Answer = { lengths: number[] } | { fault: { code: string; message: string; exitCode: number } };

export interface Helpers {
  readonly list: readonly Helper[];
  /** Lets the other ranks go, once they have done the parts that they have. */
  dismiss(): Promise<void>;
}

/** The other ranks as helpers of rank 0. */
export function helpersOf(comm: Communicator, { names, threads }: { names: readonly string[]; threads: number }): Helpers {
  const send = (rank: number, request: Request, bytes?: Uint8Array): Promise<void> => sendMessage(comm, rank, { head: request, bytes });
  // The answers of a rank come in the order of its parts, one after another.
  const last = names.map((): Promise<unknown> => Promise.resolve());
  const answerFrom = (rank: number): Promise<Received<Answer>> => {
    const answer = last[rank]!.then(() => receiveMessage<Answer>(comm, rank));
    last[rank] = answer.catch(() => undefined);
    return answer;
  };
  const run = async (rank: number, part: Part, bytes?: Uint8Array): Promise<Uint8Array[]> => {
    const [, { head, bytes: all }] = await Promise.all([send(rank, part, bytes), answerFrom(rank)]);
    if ('fault' in head) throw new MdiffError(head.fault.code, `${names[rank]}: ${head.fault.message}`, head.fault.exitCode);
    let from = 0;
    return head.lengths.map((length) => all.subarray(from, (from += length)));
  };
  const ranks = Array.from({ length: comm.size - 1 }, (_, i) => i + 1);
  let dismissed: Promise<void> | undefined;
  return {
    list: ranks.map((rank) => ({ threads, run: (part, bytes) => run(rank, part, bytes) })),
    dismiss: () => (dismissed ??= Promise.all(ranks.map((rank) => send(rank, { op: 'over' }))).then(() => undefined)),
  };
}

/** Takes parts from rank 0 until it lets this rank go. */
export async function helpLeader(comm: Communicator, config: ProjectConfig, threads: number): Promise<void> {
  const help = openHelp(config, threads);
  await closing(help, async () => {
    let answered: Promise<void> = Promise.resolve();
    for (;;) {
      const { head: request, bytes } = await receiveMessage<Request>(comm, 0);
      if (request.op === 'over') return answered;
      const answer = answerOf(help, request, bytes);
      answered = answered.then(async () => sendMessage(comm, 0, await answer));
      answered.catch(() => undefined); // awaited at the end
    }
  });
}

interface Message<Head> {
  head: Head;
  bytes?: Uint8Array | undefined;
}

interface Received<Head> {
  head: Head;
  bytes: Uint8Array;
}

async function answerOf(help: Help, part: Part, bytes: Uint8Array): Promise<Message<Answer>> {
  try {
    const results = await help.run(part, bytes);
    return { head: { lengths: results.map(({ length }) => length) }, bytes: Buffer.concat(results) };
  } catch (error) {
    const { code = 'MDIFF_RANKS', message, exitCode = 1 } = error as Error & { code?: string; exitCode?: number };
    return { head: { fault: { code, message: message.split('\n')[0]!, exitCode } } };
  }
}

/** All parts of a message leave at once, so that no other comes between them. */
async function sendMessage<Head>(comm: Communicator, to: number, { head, bytes = new Uint8Array() }: Message<Head>): Promise<void> {
  const text = new TextEncoder().encode(JSON.stringify(head));
  await Promise.all([
    comm.send(Int32Array.of(text.length, bytes.length), to),
    comm.send(text, to),
    ...(bytes.length > 0 ? [comm.send(bytes, to)] : []),
  ]);
}

async function receiveMessage<Head>(comm: Communicator, from: number): Promise<Received<Head>> {
  const lengths = new Int32Array(2);
  await comm.receive(lengths, from);
  const [text, bytes] = [new Uint8Array(lengths[0]!), new Uint8Array(lengths[1]!)];
  await Promise.all([comm.receive(text, from), ...(bytes.length > 0 ? [comm.receive(bytes, from)] : [])]);
  return { head: JSON.parse(new TextDecoder().decode(text)) as Head, bytes };
}
