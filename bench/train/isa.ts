// Holds every engine of one run to the instructions that another kind of processor has.

/** The environment of our engines, and of the peers, by the widest instructions that they may use. */
const held = {
  avx512_bf16: {
    kernels: 'avx512_bf16,avx512',
    variables: { ONEDNN_MAX_CPU_ISA: 'AVX512_CORE_BF16', MKL_ENABLE_INSTRUCTIONS: 'AVX512', XLA_FLAGS: '--xla_cpu_max_isa=AVX512_BF16' },
  },
  avx2: {
    kernels: 'avx2',
    variables: {
      ONEDNN_MAX_CPU_ISA: 'AVX2',
      MKL_ENABLE_INSTRUCTIONS: 'AVX2',
      ATEN_CPU_CAPABILITY: 'avx2',
      XLA_FLAGS: '--xla_cpu_max_isa=AVX2',
    },
  },
} as const;

export type Isa = keyof typeof held;

export const isas = Object.keys(held) as Isa[];

/**
 * The variables of a child process that oneDNN (PyTorch, native TensorFlow), MKL, ATen, XLA and mdiff's kernels read. Nothing holds ONNX Runtime, whose float32
 * products do not use AMX. Variables that the user has set stay.
 */
export function isaEnvironment(
  isa: Isa | undefined,
  ours: boolean,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  if (isa === undefined) return {};
  const { kernels, variables } = held[isa];
  const wanted: Record<string, string> = { ...variables, ...(ours && { MDIFF_KERNELS: kernels }) };
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => env[name] === undefined));
}
