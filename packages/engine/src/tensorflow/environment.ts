import { worldOf } from '../ranks/world.js';
import { kernelsOf } from './kernels.js';
import type { NativeTensorFlow, Variant } from './locate.js';

// Environment variables that native TensorFlow and glibc read when a process or a library starts.

/**
 * Variables that native TensorFlow reads when it is loaded. Native code does not see the `process.env` of a worker thread, which is a copy. So
 * assign them in the main thread, before the worker starts that loads TensorFlow. A variable that the user has set stays.
 */
export function tensorflowEnvironment(
  { variant }: Pick<NativeTensorFlow, 'variant'>,
  { device, threads = 0, parts = 1, bf16 = false }: { device: Variant; threads?: number; parts?: number; bf16?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const variables: Record<string, string> = {
    // No greeting and no hints on instruction sets; errors stay.
    TF_CPP_MIN_LOG_LEVEL: '2',
    // TensorFlow computes one operation of each part at a time, on the threads of that part.
    ...(threads > 0 && { TF_NUM_INTRAOP_THREADS: String(threads / parts), ...(parts > 1 && { TF_NUM_INTEROP_THREADS: String(parts) }) }),
    ...(bf16 && { ONEDNN_DEFAULT_FPMATH_MODE: 'BF16' }),
    // The addon takes a GPU if TensorFlow lists one.
    ...(variant === 'cuda' && device === 'cpu' && { CUDA_VISIBLE_DEVICES: '-1' }),
  };
  return Object.fromEntries(Object.entries(variables).filter(([name]) => env[name] === undefined));
}

/**
 * Variables that glibc reads when a process starts, so a launcher sets them for a child. They make malloc keep freed memory and use large pages,
 * because a step frees and allocates the same buffers again. Empty without glibc and if the user has set them. Empty with fused kernels on one rank:
 * these need few buffers and gain nothing (docs/log/2026-11-28-fused-kernels-caches.md), while a second start takes a second. Among several ranks
 * whole gradients leave TensorFlow and come back in each step.
 */
export function launcherEnvironment(
  { variant, folder }: Pick<NativeTensorFlow, 'variant' | 'folder'>,
  env: Readonly<Record<string, string | undefined>> = process.env,
  glibc = hasGlibc(),
): Record<string, string> {
  if (!glibc || variant !== 'cpu' || env.GLIBC_TUNABLES !== undefined) return {};
  if (kernelsOf({ folder }) !== undefined && worldOf(env) === undefined) return {};
  const settings = { mmap_threshold: 2 ** 32, trim_threshold: 2 ** 34, mmap_max: 0, hugetlb: 1 };
  return {
    GLIBC_TUNABLES: Object.entries(settings)
      .map(([name, value]) => `glibc.malloc.${name}=${value}`)
      .join(':'),
  };
}

/** True on glibc, which TensorFlow's wheels for Linux need. Alpine has another C library. */
export const hasGlibc = (): boolean =>
  process.platform === 'linux' &&
  (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime !== undefined;
