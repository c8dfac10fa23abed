import { mustBe } from '@mdiff/arguments';
import { FORMAT_VERSION, checkVersion } from './contract.js';
import type { Refuse } from './contract.js';

// manifest.json lists the files of a folder with their sizes and checksums. Model folders, checkpoints and encoders have one.

export const MANIFEST = 'manifest.json';

export interface ManifestEntry {
  /** relative to the folder, with `/` */
  path: string;
  /** bytes */
  size: number;
  /** lower-case hexadecimal */
  sha256: string;
}

export interface Manifest {
  format_version: typeof FORMAT_VERSION;
  /** ISO 8601 */
  created: string;
  files: ManifestEntry[];
}

/** The JSON object in `text`. Throws what `refuse` makes. */
export function parseRecord(file: string, text: string, refuse: Refuse): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Text that is not JSON and JSON of another shape are equally unusable, so one report below serves both.
  }
  throw refuse(file, 'a JSON object', text.length === 0 ? 'an empty file' : 'something else');
}

/** A path that leaves the folder would let a manifest name any file of the machine. */
const outside = /^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)|\0/;

/** Reads and checks the text of a manifest. Throws what `refuse` makes. */
export function parseManifest(text: string, refuse: Refuse): Manifest {
  mustBe('parseManifest', 'text', text, 'string');
  mustBe('parseManifest', 'refuse', refuse, 'function');
  const { format_version: version, created, files } = parseRecord(MANIFEST, text, refuse);
  checkVersion(MANIFEST, version, refuse);
  const entries = Array.isArray(files) ? (files as (Partial<ManifestEntry> | null)[]) : [null];
  for (const entry of entries) {
    const inside = typeof entry?.path === 'string' && !outside.test(entry.path);
    if (!inside || typeof entry.size !== 'number' || typeof entry.sha256 !== 'string')
      throw refuse(MANIFEST, 'files as a list of { path, size, sha256 } inside the folder', 'something else');
  }
  return { format_version: FORMAT_VERSION, created: String(created), files: entries as ManifestEntry[] };
}

/** Compares a file with its entry: its size, then its checksum if there is one. Throws what `refuse` makes. */
export function checkEntry(entry: ManifestEntry, actual: { size: number; sha256?: string } | undefined, refuse: Refuse): void {
  const { path, size, sha256 } = entry;
  if (actual === undefined) throw refuse(path, `a file of ${size} bytes (${MANIFEST})`, 'nothing');
  if (actual.size !== size) throw refuse(path, `${size} bytes (${MANIFEST})`, `${actual.size}`);
  if (actual.sha256 === undefined || actual.sha256 === sha256) return;
  throw refuse(path, `sha256 ${sha256.slice(0, 12)}… (${MANIFEST})`, `${actual.sha256.slice(0, 12)}…`);
}
