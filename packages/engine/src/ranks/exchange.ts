import type { Arithmetic, Communicator } from './communicator.js';

// How ranks add their gradients. The flat gradient goes in chunks, and each chunk in as many parts as there are ranks: a rank gets its part of every
// gradient, adds them in their order, and sends the sum to all. So the bits do not depend on what arrives first, every rank has the same ones, and no
// gradient waits for another to pass through rank after rank. While some chunks are on their way, the one before them is added.

/** Numbers in a chunk: a megabyte of float32, hundreds of times the latency of a network. */
const CHUNK = 1 << 18;
/** Numbers in a part, where many ranks make a chunk larger: 16 KiB, to keep the messages few. */
const PART = 1 << 12;
/** Chunks on their way. */
const WINDOW = 4;

const chunksOf = (data: Float32Array, chunk: number): Float32Array[] =>
  Array.from({ length: Math.ceil(data.length / chunk) }, (_, i) => data.subarray(i * chunk, (i + 1) * chunk));

/** The numbers of a chunk for `size` ranks. */
export const chunkFor = (size: number): number => Math.max(CHUNK, size * PART);

/** The rank that computes a pass of a step. */
export const ownerOf = (pass: number, size: number): number => pass % size;

/** Copies the flat `data` of rank `root` to all. */
export async function share(comm: Communicator, data: Float32Array, root: number, chunk = CHUNK): Promise<void> {
  await Promise.all(chunksOf(data, chunk).map((part) => comm.broadcast(part, root)));
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/** The upper half of the bits of a float32, rounded to nearest even; a number that is not finite stays so. */
const halfOf = (word: number): number =>
  (word & 0x7f800000) === 0x7f800000 ? (word >>> 16) | ((word & 0x7fffff) === 0 ? 0 : 0x40) : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;

export function toBfloat16(value: number): number {
  float[0] = value;
  return halfOf(bits[0]!);
}

export function fromBfloat16(half: number): number {
  bits[0] = half << 16;
  return float[0]!;
}

/** Numbers that stay in the nearest cache. */
const BLOCK = 2048;
const rounded = new Float32Array(BLOCK);
const roundedWords = new Uint32Array(rounded.buffer);
const wordsOf = ({ buffer, byteOffset, length }: Float32Array): Uint32Array => new Uint32Array(buffer, byteOffset, length);

/**
 * Rounds `data` + `rest` to bfloat16; `rest` keeps what the rounding loses, for the next step (error feedback: Seide et al., 2014, Interspeech;
 * Karimireddy et al., arXiv 1901.09847). A gradient that is not finite leaves no rest: the step is dropped.
 */
export function compress(data: Float32Array, rest: Float32Array, into: Uint16Array): void {
  const words = wordsOf(rest);
  // Loops of one kind of number each: a conversion of a number's bits through memory costs several times as much.
  for (let from = 0; from < data.length; from += BLOCK) {
    const to = Math.min(from + BLOCK, data.length);
    for (let i = from; i < to; i++) rest[i] = data[i]! + rest[i]!;
    for (let i = from; i < to; i++) {
      const half = halfOf(words[i]!);
      into[i] = half;
      roundedWords[i - from] = half << 16;
    }
    for (let i = from; i < to; i++) rest[i] = (into[i]! & 0x7f80) === 0x7f80 ? 0 : rest[i]! - rounded[i - from]!;
  }
}

/** Writes numbers in bfloat16 to `into`. */
function expand(into: Float32Array, halves: Uint16Array): void {
  const words = wordsOf(into);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
}

const scratch = new Float32Array(BLOCK);

function add(into: Float32Array, other: Float32Array | Uint16Array): void {
  if (other instanceof Float32Array) {
    for (let i = 0; i < into.length; i++) into[i]! += other[i]!;
    return;
  }
  for (let from = 0; from < into.length; from += BLOCK) {
    const part = other.subarray(from, from + BLOCK);
    expand(scratch, part);
    for (let i = 0; i < part.length; i++) into[from + i]! += scratch[i]!;
  }
}

/** Additions in JavaScript. */
export const arithmetic: Arithmetic = { add, expand, compress };

type Numbers = Float32Array | Uint16Array;

/** How numbers travel. A wire in bfloat16 keeps what a rounding loses, by the place of the numbers in the whole. */
interface Wire {
  buffer(length: number): Numbers;
  /** What of a gradient goes to the other ranks; `buffer` may hold it. */
  pack(data: Float32Array, place: number, buffer: Numbers): Numbers;
  /** The same of a sum of this rank's part. */
  packSum(sum: Float32Array, place: number, buffer: Numbers): Numbers;
  unpack(packed: Numbers, into: Float32Array): void;
}

const plain: Wire = {
  buffer: (length) => new Float32Array(length),
  pack: (data) => data,
  packSum: (sum) => sum,
  unpack: (packed, into) => into.set(packed),
};

/** Half the bytes. Both roundings, of a gradient and of a sum, keep what they lose for the next step. */
function compressed(length: number, { compress: round, expand: unpack }: Pick<Arithmetic, 'compress' | 'expand'>): Wire {
  const keeping =
    (rest: Float32Array) =>
    (data: Float32Array, place: number, buffer: Numbers): Uint16Array => {
      const halves = (buffer as Uint16Array).subarray(0, data.length);
      round(data, rest.subarray(place, place + data.length), halves);
      return halves;
    };
  return {
    buffer: (count) => new Uint16Array(count),
    pack: keeping(new Float32Array(length)),
    packSum: keeping(new Float32Array(length)),
    unpack: (packed, into) => unpack(into, packed as Uint16Array),
  };
}

export interface SumOptions {
  /** numbers of the whole gradient */
  length: number;
  /** numbers travel in bfloat16 */
  half?: boolean;
  chunk?: number;
}

/** A round of gradients: the first `count` ranks have one each. */
export interface Round {
  count: number;
  /** of this rank, which the round may change until it is over; undefined if it has none */
  gradient: Float32Array | undefined;
  /** the first of a sum */
  first: boolean;
  /** the last of a sum: gets the whole sum; may be the gradient */
  result?: Float32Array;
}

/**
 * Adds rounds of gradients in their order, and within a round in the order of the ranks: ((g₀ + g₁) + g₂) + …, the additions of one machine that
 * accumulates them. The function is called for one round after the other, on every rank; it keeps the sums of this rank's parts between them.
 */
export function summation(
  comm: Communicator,
  { length, half = false, chunk = chunkFor(comm.size) }: SumOptions,
): (round: Round) => Promise<void> {
  const { rank, size } = comm;
  const { add: addPart, ...rounding } = comm.arithmetic ?? arithmetic;
  const wire = half ? compressed(length, rounding) : plain;
  const others = Array.from({ length: size }, (_, i) => i).filter((other) => other !== rank);
  const chunks = Array.from({ length: Math.ceil(length / chunk) }, (_, i) => {
    const [start, end] = [i * chunk, Math.min((i + 1) * chunk, length)];
    const cut = (part: number): number => start + Math.floor(((end - start) * part) / size);
    return {
      start,
      end,
      from: Array.from({ length: size }, (_unused, part) => cut(part)),
      to: Array.from({ length: size }, (_unused, part) => cut(part + 1)),
    };
  });
  type Chunk = (typeof chunks)[number];
  const sums = chunks.map(({ from, to }) => new Float32Array(to[rank]! - from[rank]!));
  const most = Math.min(chunk, length);
  /** Buffers of the chunks that are on their way: what goes out, and what comes from each rank. */
  const slots = Array.from({ length: Math.min(WINDOW, chunks.length) }, () => ({
    out: wire.buffer(half ? most : 0),
    incoming: others.map(() => wire.buffer(Math.ceil(most / size))),
  }));
  type Slot = (typeof slots)[number];

  /** Sends each part of this rank's gradient to the rank that adds it, and receives this rank's part of the others. */
  function scatter({ start, end, from, to }: Chunk, slot: Slot, { count, gradient }: Round) {
    const packed = gradient && wire.pack(gradient.subarray(start, end), start, slot.out);
    const part = (of: number): Numbers => packed!.subarray(from[of]! - start, to[of]! - start);
    const received = others.map((other, i) => (other < count ? slot.incoming[i]!.subarray(0, to[rank]! - from[rank]!) : undefined));
    const moves = others.flatMap((other, i) => [
      ...(received[i] ? [comm.receive(received[i], other)] : []),
      ...(packed ? [comm.send(part(other), other)] : []),
    ]);
    return { packed: packed && part(rank), received, arrived: Promise.all(moves) };
  }

  /** Adds what has come, in the order of the ranks. */
  function addParts(sum: Float32Array, { packed, received }: ReturnType<typeof scatter>, { count, first }: Round): void {
    for (let from = 0; from < count; from++) {
      const part = from === rank ? packed! : received[others.indexOf(from)]!;
      if (first && from === 0) wire.unpack(part, sum);
      else addPart(sum, part);
    }
  }

  /** Sends the sum of this rank's part to all others, and receives theirs. */
  async function gather({ from, to }: Chunk, slot: Slot, sum: Float32Array, result: Float32Array): Promise<void> {
    const packed = wire.packSum(sum, from[rank]!, slot.out);
    const into = (of: number): Float32Array => result.subarray(from[of]!, to[of]!);
    const landing = (other: number, i: number) => (half ? slot.incoming[i]!.subarray(0, to[other]! - from[other]!) : into(other));
    await Promise.all(others.flatMap((other, i) => [comm.receive(landing(other, i), other), comm.send(packed, other)]));
    if (half) others.forEach((other, i) => wire.unpack(landing(other, i), into(other)));
    wire.unpack(packed, into(rank));
  }

  return async (round) => {
    const slotOf = (i: number): Slot => slots[i % slots.length]!;
    const scattered: ReturnType<typeof scatter>[] = [];
    const gathered: Promise<void>[] = [];
    // In the order of the chunks on every rank, whichever arrives first: the other ranks match the messages by their order.
    const start = async (i: number): Promise<void> => {
      if (i >= chunks.length) return;
      await gathered[i - slots.length]; // its slot is free again
      scattered[i] = scatter(chunks[i]!, slotOf(i), round);
    };
    for (let i = 0; i < slots.length; i++) await start(i);
    for (const [i, one] of chunks.entries()) {
      await scattered[i]!.arrived;
      addParts(sums[i]!, scattered[i]!, round);
      gathered[i] = round.result ? gather(one, slotOf(i), sums[i]!, round.result) : Promise.resolve();
      gathered[i]!.catch(() => undefined); // awaited below
      await start(i + slots.length);
    }
    await Promise.all(gathered);
  };
}
