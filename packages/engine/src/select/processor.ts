import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { usableThreads } from '@mdiff/workers';

// The processor of this machine and its instructions, as the operating system reports them.

export interface Processor {
  name: string;
  /** that this process may use */
  threads: number;
  /** vector and matrix instructions that speed up products, widest last; undefined if the system does not report them */
  sets: readonly string[] | undefined;
  /** it has instructions for products of bfloat16 (AVX512-BF16, AMX, or Arm's BF16) */
  bf16: boolean;
  /** every instruction set that a compiler may use: code compiled for them runs on any processor that has them all */
  flags: readonly string[];
}

const productSets: readonly (readonly [flag: string, name: string])[] = [
  ['asimd', 'NEON'],
  ['sve', 'SVE'],
  ['bf16', 'BF16'],
  ['avx', 'AVX'],
  ['avx2', 'AVX2'],
  ['fma', 'FMA'],
  ['avx512f', 'AVX-512'],
  ['avx_vnni', 'AVX-VNNI'],
  ['avx512_vnni', 'AVX512-VNNI'],
  ['avx512_bf16', 'AVX512-BF16'],
  ['amx_int8', 'AMX-INT8'],
  ['amx_bf16', 'AMX-BF16'],
];

const instructions = /^(?:s?sse|avx|amx|fma|bmi|f16c|gfni|vaes|vpclmul|pclmul|aes$|sha|movbe|popcnt|abm|adx|asimd|sve|bf16|i8mm|fp)/;

/** Reads /proc/cpuinfo of Linux. */
export function fromCpuinfo(text: string): Pick<Processor, 'sets' | 'bf16' | 'flags'> {
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1] ?? '';
  const flags = line
    .split(/\s+/)
    .filter((flag) => instructions.test(flag))
    .sort();
  const has = new Set(flags);
  return {
    flags,
    sets: productSets.filter(([flag]) => has.has(flag)).map(([, name]) => name),
    bf16: ['avx512_bf16', 'amx_bf16', 'bf16'].some((flag) => has.has(flag)),
  };
}

/** Reads the output of `sysctl hw.optional machdep.cpu` on macOS, with the names of Apple's and of Intel's processors. */
export function fromSysctl(text: string): Pick<Processor, 'sets' | 'bf16' | 'flags'> {
  const features = /^machdep\.cpu\.(?:leaf7_)?features: (.*)$/gm;
  const intel = [...text.matchAll(features)].flatMap(([, list]) => list!.toLowerCase().replace('avx1.0', 'avx').split(/\s+/));
  const apple = [...text.matchAll(/^hw\.optional\.(?:arm\.FEAT_|neon|AdvSIMD)(\w*): 1$/gm)].map(
    ([, name]) => name!.toLowerCase() || 'asimd',
  );
  return fromCpuinfo(`flags : ${[...intel, ...apple].join(' ')}`);
}

function readInstructions(): Pick<Processor, 'sets' | 'bf16' | 'flags'> {
  try {
    if (process.platform === 'linux') return fromCpuinfo(readFileSync('/proc/cpuinfo', 'utf8'));
    if (process.platform === 'darwin')
      return fromSysctl(execFileSync('sysctl', ['hw.optional', 'machdep.cpu'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    // a system that hides them
  }
  return { sets: undefined, bf16: false, flags: [] };
}

let cached: Processor | undefined;

export const processor = (): Processor =>
  (cached ??= { name: cpus()[0]?.model.trim() || process.arch, threads: usableThreads(), ...readInstructions() });
