import { mustBe } from '@mdiff/arguments';
import { createHash } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FORMAT_VERSION } from './contract.js';
import { diskError } from './disk.js';
import type { Place } from './disk.js';
import { closing } from './errors.js';
import { MANIFEST } from './manifest.js';
import type { Manifest } from './manifest.js';

// Files and folders appear whole or not at all: written beside their place, flushed to the disk, then renamed.

export type Content = string | Uint8Array;

export const sha256 = (content: Content): string => createHash('sha256').update(content).digest('hex');

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/**
 * Makes a folder and those above it. Node's own `mkdir` with `recursive` never returns for a folder that cannot exist, such as `/proc/x`.
 * @throws the system's error
 */
export function makeFolder(path: string): void {
  mustBe('makeFolder', 'path', path, 'string');
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') {
      if (safely(() => isFolder(path))) return;
      throw error;
    }
    if (dirname(path) === path) throw error;
    makeFolder(dirname(path));
    // Another process may have made it meanwhile.
    if (!isFolder(path)) mkdirSync(path);
  }
}

/** A second look must not hide the first error. */
function safely(look: () => boolean): boolean {
  try {
    return look();
  } catch {
    return false;
  }
}

async function writeFlushed(path: string, content: Content): Promise<void> {
  const handle = await open(path, 'w');
  await closing(handle, async () => {
    await handle.writeFile(content);
    await handle.sync();
  });
}

/** Writes one file atomically. Throws MdiffError MDIFF_WRITE, with the ways on of `place`, on a full disk, a read-only folder and the like. */
export async function writeFileWhole(path: string, content: Content, place: Place): Promise<void> {
  mustBe('writeFileWhole', 'path', path, 'string');
  mustBe('writeFileWhole', 'place', place, 'object');
  const temporary = `${path}.tmp-${process.pid}`;
  try {
    makeFolder(dirname(path));
    await writeFlushed(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw diskError(path, error, { task: 'write', place });
  }
}

/**
 * Writes a folder atomically, with a `manifest.json` of sizes and checksums. An existing folder of that name is replaced
 * only once the new one is complete.
 */
export async function writeFolderWhole(path: string, files: Record<string, Content>, place: Place): Promise<Manifest> {
  mustBe('writeFolderWhole', 'path', path, 'string');
  mustBe('writeFolderWhole', 'files', files, 'object');
  mustBe('writeFolderWhole', 'place', place, 'object');
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
    makeFolder(temporary);
    for (const [name, content] of [...Object.entries(files), [MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`] as const]) {
      makeFolder(dirname(join(temporary, name)));
      await writeFlushed(join(temporary, name), content);
    }
    await rename(path, old).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(temporary, path);
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    // The folder that was there goes back, if it was moved; the first error is the one to report.
    await rename(old, path).catch(() => undefined);
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw diskError(path, error, { task: 'write', place });
  }
  return manifest;
}
