// AdamW, the gradient norm, sums and averages as WebAssembly SIMD, assembled here. They run between two steps, when everything else waits. For 6.85M
// parameters they take 10 ms, plain loops 49 ms (38 ms until TensorFlow.js is loaded: perhaps its polyfills detach an ArrayBuffer, after
// which V8 checks every access). All buffers must lie in one WebAssembly memory: `allocate` makes them.
import { mustBe } from '@mdiff/arguments';

// TypeScript keeps the types of WebAssembly among those of the DOM, and the workspace compiles without those.
const { Memory, Module, Instance } = (
  globalThis as unknown as {
    WebAssembly: {
      Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
      Module: new (bytes: Uint8Array) => object;
      Instance: new (module: object, imports: Record<string, Record<string, object>>) => { readonly exports: unknown };
    };
  }
).WebAssembly;

interface Kernels {
  adamw(p: number, g: number, m: number, v: number, bytes: number, ...scalars: number[]): void;
  squares(g: number, bytes: number): number;
  add(g: number, x: number, bytes: number): void;
  average(ema: number, p: number, bytes: number, decay: number, fresh: number): void;
}

/** The kernels of one WebAssembly memory. */
interface KernelMemory {
  kernels: Kernels;
  /** a piece of the memory for numbers from elsewhere, small enough to stay in a core's cache */
  scratch: Float32Array;
}

/** The flat buffers of one training run. */
export interface Buffers {
  readonly params: Float32Array;
  readonly grads: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** for an average of the parameters; it takes no memory until something is written there */
  readonly ema: Float32Array;
}

const memories = new WeakMap<ArrayBufferLike, KernelMemory>();
const PAGE = 65536;
const LARGEST = 65536; // pages; a WebAssembly memory has at most 4 GiB

/**
 * Zeroed parameters, gradients, Adam moments and an average of `total` numbers each, side by side in one WebAssembly memory, where
 * `adamwFlat` is fastest. When they do not fit in 4 GiB, they are ordinary arrays (same results up to float32 rounding).
 */
export function allocate(total: number): Buffers {
  mustBe('allocate', 'total', total, 'number');
  const stride = Math.ceil((total * 4) / 64) * 64; // whole cache lines
  const pages = Math.ceil((5 * stride) / PAGE) + 1;
  const names = ['params', 'grads', 'm', 'v', 'ema'] as const;
  if (pages > LARGEST) return Object.fromEntries(names.map((name) => [name, new Float32Array(total)])) as unknown as Buffers;
  const memory = new Memory({ initial: pages, maximum: pages });
  const kernels = new Instance(new Module(assemble()), { e: { m: memory } }).exports as Kernels;
  memories.set(memory.buffer, { kernels, scratch: new Float32Array(memory.buffer, (pages - 1) * PAGE, PAGE / 4) });
  return Object.fromEntries(names.map((name, i) => [name, new Float32Array(memory.buffer, i * stride, total)])) as unknown as Buffers;
}

/** The kernels of the memory in which all these arrays lie; undefined when they do not lie in one. */
export function kernelsOf(...arrays: readonly Float32Array[]): Kernels | undefined {
  const [first] = arrays;
  return first && arrays.every(({ buffer }) => buffer === first.buffer) ? memories.get(first.buffer)?.kernels : undefined;
}

/**
 * sum += more, number by number; both have the same length, and `more` may be any array. With `sum` from `allocate` it is several times
 * as fast and gives the same result.
 */
export function addFlat(sum: Float32Array, more: Float32Array): void {
  const memory = memories.get(sum.buffer);
  if (!memory) return addPlain(sum, more, 0);
  const { kernels, scratch } = memory;
  const end = sum.length - (sum.length % 4);
  for (let from = 0; from < end; from += scratch.length) {
    const size = Math.min(scratch.length, end - from);
    scratch.set(more.subarray(from, from + size));
    kernels.add(sum.byteOffset + 4 * from, scratch.byteOffset, 4 * size);
  }
  addPlain(sum, more, end);
}

function addPlain(sum: Float32Array, more: Float32Array, from: number): void {
  for (let i = from; i < sum.length; i++) sum[i] = sum[i]! + more[i]!;
}

// Opcodes of https://webassembly.github.io/spec/core/binary (and its SIMD part) by mnemonic, nested in reading order.
type Code = readonly (number | Code)[];

const I32 = 0x7f;
const F32 = 0x7d;
const F64 = 0x7c;
const V128 = 0x7b;
const get = (local: number): Code => [0x20, local];
const set = (local: number, value: Code): Code => [value, 0x21, local];
const plus = (a: Code, b: Code): Code => [a, b, 0x6a]; // i32.add
const loop = (at: number, end: number, body: Code): Code => [
  0x02,
  0x40,
  0x03,
  0x40, // block, loop
  get(at),
  get(end),
  0x4f,
  0x0d,
  1, // leave when at >= end
  body,
  set(at, plus(get(at), [0x41, 16])), // i32.const 16: four float32
  0x0c,
  0,
  0x0b,
  0x0b,
];
const simd = (code: number, ...args: Code[]): Code => [...args, 0xfd, code < 128 ? code : [(code & 127) | 128, code >> 7]];
const load = (address: Code): Code => [simd(0x00, address), 4, 0];
const store = (address: Code, value: Code): Code => [simd(0x0b, address, value), 4, 0];
const splat = (local: number): Code => simd(0x13, get(local));
const sqrt = (x: Code) => simd(0xe3, x);
const add = (x: Code, y: Code) => simd(0xe4, x, y);
const sub = (x: Code, y: Code) => simd(0xe5, x, y);
const mul = (x: Code, y: Code) => simd(0xe6, x, y);
const div = (x: Code, y: Code) => simd(0xe7, x, y);

/** The upper two float32 in the lower half. */
const upper = (value: Code): Code => [value, value, 0xfd, 0x0d, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]; // i8x16.shuffle
const promote = (value: Code): Code => simd(0x5f, value); // f64x2.promote_low_f32x4
const add64 = (x: Code, y: Code): Code => simd(0xf0, x, y);
const mul64 = (x: Code, y: Code): Code => simd(0xf2, x, y);

function adamwCode(): Code {
  const [p, g, m, v, end] = [0, 1, 2, 3, 4] as const;
  // parameters 5…12: keep, beta1, fresh1, beta2, fresh2, rate, root, eps; then locals: at, their splats, three values
  const at = 13;
  const wide = (scalar: number) => get(14 + scalar);
  const [G, M, V] = [22, 23, 24] as const;
  const here = (base: number) => plus(get(base), get(at));
  return [
    Array.from({ length: 8 }, (_, i) => set(14 + i, splat(5 + i))),
    loop(at, end, [
      set(G, load(here(g))),
      set(M, add(mul(wide(1), load(here(m))), mul(wide(2), get(G)))),
      set(V, add(mul(wide(3), load(here(v))), mul(wide(4), mul(get(G), get(G))))),
      store(here(m), get(M)),
      store(here(v), get(V)),
      store(here(p), sub(mul(wide(0), load(here(p))), div(mul(wide(5), get(M)), add(mul(sqrt(get(V)), wide(6)), wide(7))))),
    ]),
  ];
}

function squaresCode(): Code {
  const [g, end, at, x, low, high] = [0, 1, 2, 3, 4, 5] as const;
  const square = (half: Code): Code => [set(x, promote(half)), mul64(get(x), get(x))];
  const lane = (value: Code, i: number): Code => [simd(0x21, value), i]; // f64x2.extract_lane
  const here = load(plus(get(g), get(at)));
  return [
    loop(at, end, [set(low, add64(get(low), square(here))), set(high, add64(get(high), square(upper(here))))]),
    set(low, add64(get(low), get(high))),
    lane(get(low), 0),
    lane(get(low), 1),
    0xa0, // f64.add
  ];
}

function addCode(): Code {
  const [g, x, end, at] = [0, 1, 2, 3] as const;
  const here = (base: number) => plus(get(base), get(at));
  return [loop(at, end, store(here(g), add(load(here(g)), load(here(x)))))];
}

/** In float64, with one rounding at the end: the bits of the same loop in JavaScript. */
function averageCode(): Code {
  const [ema, p, end, decay, fresh, at, E, P, wideDecay, wideFresh] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
  const here = (base: number) => plus(get(base), get(at));
  const demote = (value: Code) => simd(0x5e, value); // f32x4.demote_f64x2_zero
  const mixed = (half: (value: Code) => Code): Code =>
    add64(mul64(get(wideDecay), promote(half(get(E)))), mul64(get(wideFresh), promote(half(get(P)))));
  const splat64 = (local: number) => simd(0x14, get(local)); // f64x2.splat
  const joined: Code = [0xfd, 0x0d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]; // i8x16.shuffle: both lower halves
  return [
    set(wideDecay, splat64(decay)),
    set(wideFresh, splat64(fresh)),
    loop(at, end, [
      set(E, load(here(ema))),
      set(P, load(here(p))),
      store(here(ema), [demote(mixed((value) => value)), demote(mixed(upper)), joined]),
    ]),
  ];
}

function assemble(): Uint8Array {
  const flat = (code: Code): number[] => code.flatMap((part) => (typeof part === 'number' ? [part] : flat(part)));
  const leb = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >> 7)]);
  const sized = (bytes: number[]) => [...leb(bytes.length), ...bytes];
  const list = (items: number[][]) => [...leb(items.length), ...items.flat()];
  const section = (id: number, items: number[][]) => [id, ...sized(list(items))];
  const name = (text: string) => sized([...new TextEncoder().encode(text)]);
  const body = (locals: number[][], code: Code) => sized([...list(locals), ...flat(code), 0x0b]);
  return Uint8Array.from([
    0x00,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, [
      [0x60, ...list([...Array<number>(5).fill(I32), ...Array<number>(8).fill(F32)].map((type) => [type])), 0],
      [0x60, 2, I32, I32, 1, F64],
      [0x60, 3, I32, I32, I32, 0],
      [0x60, 5, I32, I32, I32, F64, F64, 0],
    ]),
    ...section(2, [[...name('e'), ...name('m'), 0x02, 0x00, 1]]),
    ...section(3, [[0], [1], [2], [3]]),
    ...section(7, [
      [...name('adamw'), 0, 0],
      [...name('squares'), 0, 1],
      [...name('add'), 0, 2],
      [...name('average'), 0, 3],
    ]),
    ...section(10, [
      body(
        [
          [1, I32],
          [11, V128],
        ],
        adamwCode(),
      ),
      body(
        [
          [1, I32],
          [3, V128],
        ],
        squaresCode(),
      ),
      body([[1, I32]], addCode()),
      body(
        [
          [1, I32],
          [4, V128],
        ],
        averageCode(),
      ),
    ]),
  ]);
}
