import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FORMAT_VERSION } from './contract.js';
import { writeError } from './errors.js';
import { MANIFEST } from './manifest.js';
import type { Manifest } from './manifest.js';

// Files and folders appear whole or not at all: written beside their place, flushed to the disk, then renamed.

export type Content = string | Uint8Array;

export const sha256 = (content: Content): string => createHash('sha256').update(content).digest('hex');

async function writeFlushed(path: string, content: Content): Promise<void> {
  const handle = await open(path, 'w');
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes one file atomically. Throws MdiffError MDIFF_WRITE on a full disk, a read-only folder and the like. */
export async function writeFileWhole(path: string, content: Content): Promise<void> {
  const temporary = `${path}.tmp-${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFlushed(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(path, error);
  }
}

/**
 * Writes a folder atomically, with a `manifest.json` of sizes and checksums. An existing folder of that name is replaced
 * only once the new one is complete.
 */
export async function writeFolderWhole(path: string, files: Record<string, Content>): Promise<Manifest> {
  const temporary = `${path}.tmp-${process.pid}`;
  const old = `${path}.old-${process.pid}`;
  const bytes = (content: Content): number => (typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength);
  const manifest: Manifest = {
    format_version: FORMAT_VERSION,
    created: new Date().toISOString(),
    files: Object.entries(files).map(([name, content]) => ({ path: name, size: bytes(content), sha256: sha256(content) })),
  };
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    for (const [name, content] of [...Object.entries(files), [MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`] as const]) {
      await mkdir(dirname(join(temporary, name)), { recursive: true });
      await writeFlushed(join(temporary, name), content);
    }
    const exists = await stat(path).then(
      () => true,
      () => false,
    );
    if (exists) await rename(path, old);
    await rename(temporary, path);
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw writeError(path, error);
  }
  return manifest;
}
