import { MdiffError } from '@mdiff/folder';

// What ranks need of MPI. The addon of @mdiff/provision implements it; tests run several ranks in one process.

/** The typed arrays that travel as bytes. */
export type Bytes = Uint8Array | Int32Array | Float32Array | Float64Array | Uint16Array;

/** Additions of gradients; numbers in bfloat16 are the upper halves of float32. */
export interface Arithmetic {
  /** Adds `other`, in float32 or bfloat16. */
  add(into: Float32Array, other: Float32Array | Uint16Array): void;
  expand(into: Float32Array, halves: Uint16Array): void;
  /** Rounds `data` + `rest` to bfloat16; `rest` keeps what that loses. */
  compress(data: Float32Array, rest: Float32Array, into: Uint16Array): void;
}

/** Calls of one kind between the same ranks are matched in their order; nothing may write to an array before its promise is settled. */
export interface Communicator {
  readonly rank: number;
  readonly size: number;
  /** in native code, with the results of `arithmetic` in exchange.ts to the bit; absent: that one */
  readonly arithmetic?: Arithmetic;
  send(data: Bytes, to: number): Promise<void>;
  /** `data` has the length that the other rank sends */
  receive(data: Bytes, from: number): Promise<void>;
  /** Copies `data` of rank `root` to all ranks. */
  broadcast(data: Bytes, root: number): Promise<void>;
  /** Adds the arrays of all ranks, in any order; each gets the sum. */
  sum(data: Float32Array | Float64Array): Promise<void>;
  /** Says that this process is alive; `all`: it slept itself, so nobody else is late. */
  tick(all: boolean): void;
  /** Seconds since each rank was heard, and how long its event loop had been still then: two numbers a rank, zeros for ranks that this one does not hear. */
  silence(): Float64Array;
  /** Ends the processes of all ranks. */
  abort(code: number): void;
  /** Waits for all ranks, then leaves MPI. */
  close(): Promise<void>;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Sends a value to all other ranks. Both messages leave at once, so that no other broadcast comes between them. */
export async function tell(comm: Communicator, value: unknown): Promise<void> {
  const bytes = encoder.encode(JSON.stringify(value));
  await Promise.all([comm.broadcast(Int32Array.of(bytes.length), comm.rank), comm.broadcast(bytes, comm.rank)]);
}

/** The value that rank `root` tells. */
export async function hear<T>(comm: Communicator, root: number): Promise<T> {
  const length = new Int32Array(1);
  await comm.broadcast(length, root);
  const bytes = new Uint8Array(length[0]!);
  await comm.broadcast(bytes, root);
  return JSON.parse(decoder.decode(bytes)) as T;
}

/** The values of all ranks, by rank; every rank calls it. */
export async function everyone<T>(comm: Communicator, value: T): Promise<T[]> {
  const values: T[] = [];
  for (let rank = 0; rank < comm.size; rank++) {
    if (rank === comm.rank) await tell(comm, value);
    values.push(rank === comm.rank ? value : await hear<T>(comm, rank));
  }
  return values;
}

/** An error of this run on several ranks. */
export const ranksError = (message: string, exitCode = 1): MdiffError => new MdiffError('MDIFF_RANKS', message, exitCode);
