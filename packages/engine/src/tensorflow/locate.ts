import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { MdiffError } from '@mdiff/folder';

// Finds a built tfjs-node package on the disk. @mdiff/provision puts it there, load.ts loads it.

export type Variant = 'cpu' | 'cuda';

export interface NativeTensorFlow {
  /** the tfjs-node package whose addon is built */
  folder: string;
  package: 'tfjs-node' | 'tfjs-node-gpu';
  /** of that package; `tensorflowVersion` reads TensorFlow's own from the loaded module */
  version: string;
  /** its TensorFlow was built for this; a `cuda` build computes on the processor if it finds no GPU */
  variant: Variant;
  from: 'MDIFF_TENSORFLOW' | 'cache_dir' | 'node_modules';
}

export interface TensorFlowSearch {
  cacheDir: string;
  device: Variant;
  env?: Readonly<Record<string, string | undefined>>;
}

/** The release of TensorFlow that `mdiff engine install` brings. */
export const TENSORFLOW = '2.21.0';

/** The release of tfjs-node and tfjs-node-gpu whose addon that command compiles. */
export const TFJS_NODE = '4.22.0';

/** Node-API of the addon: tfjs-node knows 3 to 8, and every Node that runs mdiff offers at least 9. */
export const ADDON = join('lib', 'napi-v8', 'tfjs_binding.node');

/** An addon that loads the libraries without their greeting. Only packages that mdiff built have it. */
export const QUIET = join('lib', 'quiet.node');

const packages: Record<Variant, NativeTensorFlow['package']> = { cpu: 'tfjs-node', cuda: 'tfjs-node-gpu' };
export const packageOf = (variant: Variant): NativeTensorFlow['package'] => packages[variant];

/** The folder in which `mdiff engine install` puts a variant. It exists only once it is complete and has computed a product. */
export const engineFolder = (cacheDir: string, variant: Variant): string =>
  resolve(cacheDir, 'engines', `tensorflow-${TENSORFLOW}-${variant}-${process.platform}-${process.arch}`);

function readPackage(folder: string, from: NativeTensorFlow['from']): NativeTensorFlow | undefined {
  if (!existsSync(join(folder, ADDON))) return undefined;
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string; version: string };
  const variant = (['cpu', 'cuda'] as const).find((one) => name === `@tensorflow/${packages[one]}`);
  return variant && { folder, package: packages[variant], version, variant, from };
}

/** The folder of the installed tfjs-node(-gpu), with or without its addon; undefined if the optional peer is not installed. */
export function peerFolder(variant: Variant): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`@tensorflow/${packages[variant]}/package.json`));
  } catch {
    return undefined;
  }
}

/**
 * Finds a built tfjs-node for a device: the folder that MDIFF_TENSORFLOW names, then `cache_dir/engines`, then the peers in node_modules.
 * For `cpu` a CUDA build will do if there is no other. @throws MdiffError MDIFF_TENSORFLOW if MDIFF_TENSORFLOW names another kind of folder
 */
export function locateTensorFlow({ cacheDir, device, env = process.env }: TensorFlowSearch): NativeTensorFlow | undefined {
  const variants: readonly Variant[] = device === 'cuda' ? ['cuda'] : ['cpu', 'cuda'];
  const asked = env.MDIFF_TENSORFLOW;
  if (asked) {
    const named = readPackage(resolve(asked), 'MDIFF_TENSORFLOW');
    if (!named)
      throw new MdiffError(
        'MDIFF_TENSORFLOW',
        `MDIFF_TENSORFLOW: expected the folder of a tfjs-node package with ${ADDON}, got "${asked}"; unset it, or run "mdiff engine install tensorflow"`,
        2,
      );
    if (variants.includes(named.variant)) return named;
  }
  for (const variant of variants) {
    const installed = readPackage(engineFolder(cacheDir, variant), 'cache_dir');
    if (installed) return installed;
  }
  for (const variant of variants) {
    const peer = peerFolder(variant);
    const installed = peer === undefined ? undefined : readPackage(peer, 'node_modules');
    if (installed) return installed;
  }
  return undefined;
}
