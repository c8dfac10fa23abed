import { fileURLToPath } from 'node:url';

// The engines by name, and how the child process of each is started.

export interface Contender {
  readonly name: string;
  readonly ours: boolean;
  /** matrix products in bfloat16 */
  readonly bf16: boolean;
  /** which Python library it needs */
  readonly library?: 'torch' | 'jax';
  readonly args: readonly string[];
}

const peers = fileURLToPath(new URL('./peers/', import.meta.url));
const sources = fileURLToPath(new URL('./ours.ts', import.meta.url));
const built = fileURLToPath(new URL('../dist/train/ours.js', import.meta.url));

const ours = (name: string, bf16 = false): Contender => ({
  name: bf16 ? `${name}_bf16` : name,
  ours: true,
  bf16,
  args: [name, ...(bf16 ? ['bf16'] : [])],
});

const torch = (mode: string, precision: string, attention: string): Contender => ({
  name: `torch_${mode}_${precision}_${attention}`,
  ours: false,
  bf16: precision === 'bf16',
  library: 'torch',
  args: ['--mode', mode, '--precision', precision, '--attention', attention],
});

const jax = (precision: string): Contender => ({
  name: `jax_${precision}`,
  ours: false,
  bf16: precision === 'bf16',
  library: 'jax',
  args: ['--precision', precision],
});

export const contenders: readonly Contender[] = [
  ours('onnxruntime'),
  ours('tfjs_node'),
  ours('tfjs_node', true),
  ...['eager', 'compile'].flatMap((mode) =>
    ['fp32', 'bf16'].flatMap((precision) => ['sdpa', 'explicit'].map((attention) => torch(mode, precision, attention))),
  ),
  jax('fp32'),
  jax('bf16'),
];

/** `--quick`: the reference, and the peer that usually wins each comparison. */
export const quick = [
  'onnxruntime',
  'tfjs_node',
  'tfjs_node_bf16',
  'torch_eager_fp32_explicit',
  'torch_eager_bf16_explicit',
  'torch_compile_fp32_explicit',
  'jax_fp32',
];

/**
 * The command line of a contender's child process on the inputs in `folder`. mdiff's own run as they are published where they are `compiled`:
 * reading TypeScript would count in start-up and memory.
 */
export function commandOf(
  { ours, library, args }: Contender,
  folder: string,
  python: string,
  compiled: boolean,
): { command: string; args: string[] } {
  return ours
    ? { command: process.execPath, args: [...(compiled ? [built] : [...process.execArgv, sources]), folder, ...args] }
    : { command: python, args: [`${peers}${library}_peer.py`, folder, ...args] };
}
