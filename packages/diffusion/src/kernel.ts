// exp over many numbers in WebAssembly, two at a time: a third of the time of a loop over Math.exp. The module is put together here, instruction
// by instruction, so that nothing has to be compiled or loaded. Where the engine has no vector instructions, `kernel` is null.

const LOG2E = 1.4426950408889634;
// ln2 in two parts; n times the first is exact, because its 20 lowest bits are 0 (fdlibm).
const LN2_HIGH = 6.9314718036912381649e-1;
const LN2_LOW = 1.90821492927058770002e-10;
/** 1.5·2^52 + 1023: adding it rounds to a whole number n and leaves n + 1023, the exponent bits of 2^n, in the lowest bits. */
const MAGIC = 6755399441055744 + 1023;
/** exp of less is 0 here: 10⁻³⁰⁸ */
const SMALLEST = -708;
/** 1/k! for k = 0 … 12: exp(r) of |r| ≤ ln2/2 to 2·10⁻¹⁶ */
const taylor = Array.from({ length: 13 }, (_, k) => 1 / Array.from({ length: k }, (_, i) => i + 1).reduce((a, b) => a * b, 1));

const unsigned = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]);
const signed = (value: number): number[] => (value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)]);
const vector = (opcode: number, ...operands: number[]): number[] => [0xfd, ...unsigned(opcode), ...operands];
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];
const whole = (value: number): number[] => [0x41, ...signed(value)];
const real = (value: number): number[] => [0x44, ...new Uint8Array(Float64Array.of(value).buffer)];
const [I32, F64, V128] = [0x7f, 0x7c, 0x7b];
const splat = vector(0x14);
const [add, subtract, multiply, max, pseudoMax] = [0xf0, 0xf1, 0xf2, 0xf5, 0xf7].map((opcode) => vector(opcode));
const lessOrEqual = vector(0x4b);
const andNot = vector(0x4f);
const shiftLeft = vector(0xcb);
const [load, store] = [vector(0x00, 3, 0), vector(0x0b, 3, 0)];
const lane = (i: number): number[] => vector(0x21, i);
const addWhole = [0x6a];

/** A function body: `first` locals are its parameters; `locals` follow them. */
const body = (locals: readonly [count: number, type: number][], ...code: number[][]): number[] => {
  const bytes = [locals.length, ...locals.flat(), ...code.flat(), 0x0b];
  return [...unsigned(bytes.length), ...bytes];
};
const section = (id: number, ...content: number[]): number[] => [id, ...unsigned(content.length), ...content];
const name = (text: string): number[] => [text.length, ...Array.from(text, (letter) => letter.charCodeAt(0))];
/** Repeats code for each 16 bytes up to `end`; `i` counts them. */
const each = (i: number, end: number, ...code: number[][]): number[] => [
  ...[0x03, 0x40],
  ...code.flat(),
  ...[...get(i), ...whole(16), ...addWhole, ...tee(i), ...get(end), 0x49, 0x0d, 0],
  0x0b,
];

/** (bytes) → the largest of the numbers in memory; NaN is passed over */
function largestBody(): number[] {
  const [bytes, i, best] = [0, 1, 2];
  return body(
    [
      [1, I32],
      [1, V128],
    ],
    [...real(-Infinity), ...splat, ...set(best)],
    each(i, bytes, get(best), get(i), load, pseudoMax!, set(best)),
    [...get(best), ...lane(0), ...get(best), ...lane(1), 0xa5],
  );
}

/** (bytes, max, scale) → the sum of exp((x − max)·scale) over the numbers in memory, which it replaces by them */
function exponentialsBody(): number[] {
  const [bytes, maximum, scale, i, sum, d, t, r, n, r2, r4, r8] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  const constants = [...new Set([LOG2E, LN2_HIGH, LN2_LOW, MAGIC, SMALLEST, ...taylor])];
  const first = r8 + 1;
  const constant = (value: number): number[] => get(first + constants.indexOf(value));
  // Estrin's scheme: halves that do not wait for each other.
  const polynomial = (terms: readonly number[]): number[] => {
    if (terms.length === 1) return constant(terms[0]!);
    const half = [8, 4, 2, 1].find((power) => power < terms.length)!;
    const power = { 8: r8, 4: r4, 2: r2, 1: r }[half]!;
    return [...polynomial(terms.slice(0, half)), ...polynomial(terms.slice(half)), ...get(power), ...multiply!, ...add!];
  };
  const [offset, factor] = [first + constants.length, first + constants.length + 1];
  return body(
    [
      [1, I32],
      [8 + constants.length + 2, V128],
    ],
    constants.flatMap((value, c) => [...real(value), ...splat, ...set(first + c)]),
    [...get(maximum), ...splat, ...set(offset), ...get(scale), ...splat, ...set(factor)],
    each(
      i,
      bytes,
      [...get(i), ...load, ...get(offset), ...subtract!, ...get(factor), ...multiply!, ...tee(d)],
      [...constant(SMALLEST), ...max!, ...tee(r), ...constant(LOG2E), ...multiply!, ...constant(MAGIC), ...add!, ...tee(t)],
      [...constant(MAGIC), ...subtract!, ...set(n)],
      [...get(r), ...get(n), ...constant(LN2_HIGH), ...multiply!, ...subtract!],
      [...get(n), ...constant(LN2_LOW), ...multiply!, ...subtract!, ...set(r)],
      [...get(r), ...get(r), ...multiply!, ...tee(r2), ...get(r2), ...multiply!, ...tee(r4), ...get(r4), ...multiply!, ...set(r8)],
      polynomial(taylor),
      [...get(t), ...whole(52), ...shiftLeft, ...multiply!],
      // 0 below SMALLEST; NaN is not below it and stays
      [...get(d), ...constant(SMALLEST), ...lessOrEqual, ...andNot, ...tee(d), ...get(sum), ...add!, ...set(sum)],
      [...get(i), ...get(d), ...store],
    ),
    [...get(sum), ...lane(0), ...get(sum), ...lane(1), 0xa0],
  );
}

interface Kernel {
  memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  largest(bytes: number): number;
  exponentials(bytes: number, max: number, scale: number): number;
}

/** What is used of WebAssembly: its types come with those of browsers only. */
interface Engine {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
}

function compile(engine: Engine | undefined): Kernel | null {
  const bytes = Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, 2, 0x60, 1, I32, 1, F64, 0x60, 3, I32, F64, F64, 1, F64),
    ...section(3, 2, 0, 1),
    ...section(5, 1, 0, 1),
    ...section(7, 3, ...name('memory'), 2, 0, ...name('largest'), 0, 0, ...name('exponentials'), 0, 1),
    ...section(10, 2, ...largestBody(), ...exponentialsBody()),
  ]);
  if (!engine?.validate(bytes)) return null;
  return new engine.Instance(new engine.Module(bytes)).exports as Kernel;
}

export const kernel = compile((globalThis as { WebAssembly?: Engine }).WebAssembly);
