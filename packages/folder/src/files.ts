import { createHash } from 'node:crypto';
import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MdiffError, writeError } from './errors.js';

// Files and folders appear whole or not at all: written beside their place, flushed to the disk, then renamed.

export type Content = string | Uint8Array;

export interface ManifestEntry {
  path: string;
  /** bytes */
  size: number;
  /** lower-case hexadecimal */
  sha256: string;
}

export interface Manifest {
  format_version: 1;
  created: string;
  files: ManifestEntry[];
}

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
    format_version: 1,
    created: new Date().toISOString(),
    files: Object.entries(files).map(([name, content]) => ({ path: name, size: bytes(content), sha256: sha256(content) })),
  };
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    for (const [name, content] of [...Object.entries(files), ['manifest.json', `${JSON.stringify(manifest, null, 2)}\n`] as const]) {
      await mkdir(dirname(join(temporary, name)), { recursive: true });
      await writeFlushed(join(temporary, name), content);
    }
    const exists = await stat(path).then(() => true, () => false);
    if (exists) await rename(path, old);
    await rename(temporary, path);
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw writeError(path, error);
  }
  return manifest;
}

/** Reads a folder written by {@link writeFolderWhole}, checking every size and checksum. Throws MdiffError MDIFF_DAMAGED naming the file. */
export async function readFolderWhole(path: string): Promise<Record<string, Buffer>> {
  const damaged = (name: string, expected: string, got: string): MdiffError =>
    new MdiffError('MDIFF_DAMAGED', `${join(path, name)}: expected ${expected}, got ${got}; the folder was changed or not written by mdiff`);
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8')) as Manifest;
  } catch (error) {
    throw damaged('manifest.json', 'a readable manifest', (error as Error).message);
  }
  const files: Record<string, Buffer> = {};
  for (const entry of manifest.files) {
    const content = await readFile(join(path, entry.path)).catch(() => undefined);
    if (content === undefined) throw damaged(entry.path, `a file of ${entry.size} bytes`, 'no readable file');
    if (content.byteLength !== entry.size) throw damaged(entry.path, `${entry.size} bytes`, `${content.byteLength} bytes`);
    if (sha256(content) !== entry.sha256) throw damaged(entry.path, `sha256 ${entry.sha256.slice(0, 12)}…`, `${sha256(content).slice(0, 12)}…`);
    files[entry.path] = content;
  }
  return files;
}

/** Removes what an interrupted write may have left in `folder`. */
export async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [] as string[])) {
    if (/\.(tmp|old)-\d+$/.test(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
