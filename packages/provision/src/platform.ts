import { statfs } from 'node:fs/promises';
import { hasGlibc } from '@mdiff/engine';
import { MdiffError } from '@mdiff/folder';
import { megabytes } from './pins.js';
import type { Pin } from './pins.js';

// Requirements that are checked before anything is downloaded: a platform with wheels, and room for them.

export interface Platform {
  platform: NodeJS.Platform;
  arch: NodeJS.Architecture;
  glibc: boolean;
}

/** @throws MdiffError MDIFF_PLATFORM where no wheel is pinned for it */
export function checkPlatform(
  name: string,
  { platform, arch, glibc }: Platform = { platform: process.platform, arch: process.arch, glibc: hasGlibc() },
): void {
  if (platform === 'linux' && arch === 'x64' && glibc) return;
  const got = `${platform} ${arch}${platform === 'linux' && !glibc ? ' without glibc' : ''}`;
  throw new MdiffError(
    'MDIFF_PLATFORM',
    `${name}: expected Linux on x64 with glibc, got ${got}; train with engine "onnxruntime", which needs nothing installed`,
  );
}

/** Libraries take about three times what their wheels take, and both are there for a while. */
const SPACE_FACTOR = 4.2;

/** @throws MdiffError MDIFF_WRITE when the disk of `folder` has too little space; `present` bytes are there already */
export async function checkSpace(folder: string, wheels: readonly Pin[], present: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = wheels.reduce((sum, { size }) => sum + size, 0) * SPACE_FACTOR - present;
  if (bavail * bsize >= needed) return;
  throw new MdiffError(
    'MDIFF_WRITE',
    `${folder}: too little space (${megabytes(needed)} needed, ${megabytes(bavail * bsize)} free); free space, or choose another disk with --set cache_dir=…, and run the command again`,
  );
}
