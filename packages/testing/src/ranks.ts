// Several ranks of MPI in one process: the communicator of @mdiff/engine without MPI. It checks what MPI leaves undefined: that calls match in
// kind and length.

type Numbers = Uint8Array | Int32Array | Float32Array | Float64Array | Uint16Array;

interface Waiting {
  data: Numbers;
  done: () => void;
  failed: (error: Error) => void;
}

interface Collective {
  kind: 'broadcast' | 'sum';
  root: number;
  /** the root's data, or the sum so far */
  value?: Numbers;
  came: number;
  waiting: Waiting[];
}

const bytes = ({ buffer, byteOffset, byteLength }: Numbers): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);

function copy(from: Numbers, to: Numbers): void {
  if (from.byteLength !== to.byteLength) throw new Error(`ranks: a message of ${from.byteLength} bytes meets one of ${to.byteLength}`);
  bytes(to).set(bytes(from));
}

/** A rank of `localRanks`. `sent` counts its bytes. */
export type LocalRank = ReturnType<typeof localRanks>[number];

/**
 * `size` ranks, by rank. A message arrives a turn of the event loop after both sides have called. `silent`: ranks that are not heard.
 * `abort` lets every pending and every later call fail.
 */
export function localRanks(size: number, { silent = [] as number[] } = {}) {
  const queues = new Map<string, { sends: Waiting[]; receives: Waiting[] }>();
  const collectives: Collective[] = [];
  let aborted: Error | undefined;
  const pending = new Set<Waiting>();

  const wait = (data: Numbers, enter: (waiting: Waiting) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      if (aborted) return reject(aborted);
      const waiting: Waiting = {
        data,
        done: () => setImmediate(() => pending.delete(waiting) && resolve()),
        failed: (error) => pending.delete(waiting) && reject(error),
      };
      pending.add(waiting);
      enter(waiting);
    });
  const match = (from: number, to: number, side: 'sends' | 'receives', waiting: Waiting): void => {
    const key = `${from}-${to}`;
    const queue = queues.get(key) ?? { sends: [], receives: [] };
    queues.set(key, queue);
    queue[side].push(waiting);
    while (queue.sends.length > 0 && queue.receives.length > 0) {
      const [send, receive] = [queue.sends.shift()!, queue.receives.shift()!];
      copy(send.data, receive.data);
      send.done();
      receive.done();
    }
  };
  const add = (to: Numbers, data: Numbers): void => data.forEach((value, i) => void (to[i]! += value));

  return Array.from({ length: size }, (_, rank) => {
    let next = 0;
    const join = (kind: Collective['kind'], root: number, data: Numbers): Promise<void> => {
      const index = next++;
      const call = (collectives[index] ??= { kind, root, came: 0, waiting: [] });
      if (call.kind !== kind || call.root !== root)
        return Promise.reject(
          new Error(`ranks: rank ${rank} calls ${kind} from ${root}, where another calls ${call.kind} from ${call.root}`),
        );
      return wait(data, (waiting) => {
        call.waiting.push(waiting);
        if (kind === 'broadcast' && rank === root) call.value = data.slice();
        if (kind === 'sum') {
          if (call.value) add(call.value, data);
          else call.value = data.slice();
        }
        call.came++;
        if (kind === 'sum' ? call.came < size : !call.value) return;
        for (const one of call.waiting.splice(0)) {
          copy(call.value!, one.data);
          one.done();
        }
      });
    };
    const local = {
      rank,
      size,
      sent: 0,
      aborted: undefined as number | undefined,
      send: (data: Numbers, to: number): Promise<void> => {
        local.sent += data.byteLength;
        return wait(data, (waiting) => match(rank, to, 'sends', waiting));
      },
      receive: (data: Numbers, from: number): Promise<void> => wait(data, (waiting) => match(from, rank, 'receives', waiting)),
      broadcast: (data: Numbers, root: number): Promise<void> => join('broadcast', root, data),
      sum: (data: Float32Array | Float64Array): Promise<void> => join('sum', 0, data),
      tick: (): void => undefined,
      silence: (): Float64Array =>
        Float64Array.from({ length: 2 * size }, (_unused, i) => (i % 2 === 0 && silent.includes(i / 2) ? 60 : 0)),
      abort: (code: number): void => {
        local.aborted = code;
        aborted = new Error(`rank ${rank} has ended the job`);
        for (const one of [...pending]) one.failed(aborted);
      },
      close: (): Promise<void> => join('sum', 0, new Float64Array(1)),
    };
    return local;
  });
}
