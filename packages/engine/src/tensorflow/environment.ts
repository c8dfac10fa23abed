import { kernelsOf } from './kernels.js';
import type { NativeTensorFlow, Variant } from './locate.js';

// Environment variables that native TensorFlow and glibc read when a process or a library starts.

/**
 * Variables that native TensorFlow reads from the process when it is loaded. `process.env` of a worker thread is a copy that native
 * code does not see: assign them in the main thread, before the worker that loads TensorFlow starts. A variable that the user has set stays.
 */
export function tensorflowEnvironment(
  { variant }: Pick<NativeTensorFlow, 'variant'>,
  { device, threads = 0, parts = 1, bf16 = false }: { device: Variant; threads?: number; parts?: number; bf16?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const wanted: Record<string, string> = {
    // Its greeting and its hints on instruction sets are information; errors stay.
    TF_CPP_MIN_LOG_LEVEL: '2',
    // Operations side by side, and threads within each.
    ...(threads > 0 && { TF_NUM_INTRAOP_THREADS: String(threads / parts), ...(parts > 1 && { TF_NUM_INTEROP_THREADS: String(parts) }) }),
    ...(bf16 && { ONEDNN_DEFAULT_FPMATH_MODE: 'BF16' }),
    // The addon takes a GPU whenever TensorFlow lists one.
    ...(variant === 'cuda' && device === 'cpu' && { CUDA_VISIBLE_DEVICES: '-1' }),
  };
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => env[name] === undefined));
}

/**
 * Variables that glibc reads when a process starts, so a launcher sets them for a child: memory that a step gives back is kept, and asked for
 * in large pages. A step frees and takes the same buffers again. Empty where they mean nothing, where the user has set them, and with fused
 * kernels, which need few buffers and gain nothing by it (docs/log/2026-11-28-fused-kernels-caches.md): a second start costs a second.
 */
export function launcherEnvironment(
  { variant, folder }: Pick<NativeTensorFlow, 'variant' | 'folder'>,
  env: Readonly<Record<string, string | undefined>> = process.env,
  glibc = hasGlibc(),
): Record<string, string> {
  if (!glibc || variant !== 'cpu' || env.GLIBC_TUNABLES !== undefined || kernelsOf({ folder }) !== undefined) return {};
  const settings = { mmap_threshold: 2 ** 32, trim_threshold: 2 ** 34, mmap_max: 0, hugetlb: 1 };
  return { GLIBC_TUNABLES: Object.entries(settings).map(([name, value]) => `glibc.malloc.${name}=${value}`).join(':') };
}

/** The C library that TensorFlow's wheels for Linux are built on; Alpine's is another. */
export const hasGlibc = (): boolean => process.platform === 'linux' && (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime !== undefined;
