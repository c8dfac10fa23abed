import type { Bytes, Communicator } from './communicator.js';

// How ranks add their gradients. Every exchange leaves the same bits in `data` on every rank, so that their weights stay equal. The flat gradient
// goes in chunks: while one is on its way, the next is added.

/** Numbers in a chunk: a megabyte of float32, hundreds of times the latency of a network. */
const CHUNK = 1 << 18;

const chunksOf = (data: Float32Array, chunk: number): Float32Array[] =>
  Array.from({ length: Math.ceil(data.length / chunk) }, (_, i) => data.subarray(i * chunk, (i + 1) * chunk));

function add(into: Float32Array, other: Float32Array): void {
  for (let i = 0; i < into.length; i++) into[i]! += other[i]!;
}

/** The rank that computes a pass of a step. */
export const ownerOf = (pass: number, size: number): number => pass % size;

/**
 * Passes the sum of the gradients so far along the passes, each of which adds its own to it: ((g₀ + g₁) + g₂) + …, the additions of one machine that
 * accumulates them. `data`, the gradient of this rank's `pass`, becomes the sum up to it; that of the last pass goes to all ranks with `share`.
 */
export async function relay(
  comm: Communicator,
  data: Float32Array,
  { pass, passes, chunk: length = CHUNK }: { pass: number; passes: number; chunk?: number },
): Promise<void> {
  const from = pass > 0 ? ownerOf(pass - 1, comm.size) : undefined;
  const to = pass + 1 < passes ? ownerOf(pass + 1, comm.size) : undefined;
  const chunks = chunksOf(data, length);
  const buffers = [0, 1].map(() => new Float32Array(from === undefined ? 0 : Math.min(length, data.length)));
  const incoming = (i: number): Float32Array => buffers[i % 2]!.subarray(0, chunks[i]!.length);
  const receive = async (i: number): Promise<void> => {
    if (from !== undefined && i < chunks.length) await comm.receive(incoming(i), from);
  };
  const sent: Promise<void>[] = [];
  let next = receive(0);
  for (const [i, chunk] of chunks.entries()) {
    await next;
    next = receive(i + 1);
    if (from !== undefined) add(chunk, incoming(i));
    sent.push(to === undefined ? comm.broadcast(chunk, comm.rank) : comm.send(chunk, to));
  }
  await Promise.all(sent);
}

/** Copies the flat `data` of rank `root` to all. */
export async function share(comm: Communicator, data: Float32Array, root: number, chunk = CHUNK): Promise<void> {
  await Promise.all(chunksOf(data, chunk).map((part) => comm.broadcast(part, root)));
}

/** Adds the gradients of all ranks in the order that MPI likes best. */
export async function sumAll(comm: Communicator, data: Float32Array, chunk = CHUNK): Promise<void> {
  await Promise.all(chunksOf(data, chunk).map((part) => comm.sum(part)));
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/** The upper half of a float32, rounded to nearest even; a number that is not finite stays so. */
export function toBfloat16(value: number): number {
  float[0] = value;
  const word = bits[0]!;
  if ((word & 0x7f800000) === 0x7f800000) return (word >>> 16) | ((word & 0x7fffff) === 0 ? 0 : 0x40);
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

export function fromBfloat16(half: number): number {
  bits[0] = half << 16;
  return float[0]!;
}

/**
 * Rounds `data` + `rest` to bfloat16; `rest` keeps what the rounding loses, for the next step (error feedback: Seide et al., 2014, Interspeech;
 * Karimireddy et al., arXiv 1901.09847). A gradient that is not finite leaves no rest: the step is dropped.
 */
export function compress(data: Float32Array, rest: Float32Array, into: Uint16Array): void {
  for (let i = 0; i < data.length; i++) {
    const wanted = Math.fround(data[i]! + rest[i]!);
    const half = toBfloat16(wanted);
    into[i] = half;
    const lost = wanted - fromBfloat16(half);
    rest[i] = Number.isFinite(lost) ? lost : 0;
  }
}

const expand = (halves: Uint16Array, into: Float32Array): void => {
  for (let i = 0; i < halves.length; i++) into[i] = fromBfloat16(halves[i]!);
};

/**
 * Exchanges gradients in bfloat16, half the bytes. Rank r adds part r of each chunk in float32, and sends the sum in bfloat16; both roundings keep
 * what they lose for the next step. The function keeps these remainders.
 */
export function compressedSum(comm: Communicator, length: number, chunk = CHUNK): (data: Float32Array) => Promise<void> {
  const { rank, size } = comm;
  const own = new Float32Array(length);
  const summed = new Float32Array(length); // of this rank's parts alone
  const cut = (total: number, part: number): number => Math.floor((total * part) / size);

  const others = Array.from({ length: size }, (_, i) => i).filter((other) => other !== rank);
  const transfer = (outgoing: (other: number) => Bytes, incoming: (other: number) => Bytes): Promise<unknown> =>
    Promise.all(others.flatMap((other) => [comm.receive(incoming(other), other), comm.send(outgoing(other), other)]));

  /** Rounds a chunk, and sends each part to the rank that adds it. */
  const scatter = (data: Float32Array, offset: number) => {
    const halves = new Uint16Array(data.length);
    compress(data, own.subarray(offset, offset + data.length), halves);
    const part = (of: number): Uint16Array => halves.subarray(cut(data.length, of), cut(data.length, of + 1));
    const received = new Map(others.map((other) => [other, new Uint16Array(part(rank).length)]));
    return { data, offset, halves, part, received, arrived: transfer(part, (other) => received.get(other)!) };
  };
  /** Adds this rank's part of a chunk, and gives the sum to all others. */
  const collect = async ({ data, offset, halves, part, received }: ReturnType<typeof scatter>): Promise<void> => {
    const mine = part(rank);
    const sum = new Float32Array(mine.length);
    for (let other = 0; other < size; other++) {
      const theirs = received.get(other) ?? mine;
      for (let i = 0; i < sum.length; i++) sum[i]! += fromBfloat16(theirs[i]!);
    }
    const first = offset + cut(data.length, rank);
    compress(sum, summed.subarray(first, first + sum.length), mine);
    await transfer(() => mine, part);
    expand(halves, data);
  };

  return async (data) => {
    const scattered = chunksOf(data, chunk).map((part, i) => scatter(part, i * chunk));
    const collected: Promise<void>[] = [];
    // In the order of the chunks on every rank, whichever arrives first: the other ranks match the messages by their order.
    for (const one of scattered) {
      await one.arrived;
      collected.push(collect(one));
    }
    await Promise.all(collected);
  };
}
