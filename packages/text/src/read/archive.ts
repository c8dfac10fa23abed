import { TextError } from '../error.js';
import { ENTRY_BYTES, RATIO, RATIO_MIN_BYTES, TOTAL_BYTES } from './limits.js';
import { optionalPackage } from './optional.js';

export interface Archive {
  /** Names of all files, in the archive's order; backslashes, which old Windows programs wrote, are slashes. */
  names: string[];
  /** Unpacks files by name. @throws TextError for a bomb, a damaged or an encrypted archive */
  read(names: Iterable<string>): Map<string, Uint8Array>;
}

/** Opens a ZIP file without unpacking anything. @throws TextError when it is damaged, encrypted or empty */
export async function openArchive(bytes: Uint8Array): Promise<Archive> {
  const { unzipSync } = await optionalPackage('fflate', () => import('fflate'));
  const names: string[] = [];
  const slashed = (name: string): string => name.replaceAll('\\', '/');
  const unzip = (filter: NonNullable<Parameters<typeof unzipSync>[1]>['filter']) => {
    try {
      return unzipSync(bytes, { filter });
    } catch (error) {
      if (error instanceof TextError) throw error;
      throw new TextError(`the ZIP archive is damaged (${(error as Error).message}); get it again`);
    }
  };
  unzip(({ name }) => {
    if (!/[/\\]$/.test(name)) names.push(slashed(name));
    return false;
  });
  if (names.length === 0) throw new TextError('the ZIP archive holds no files; put text into it');
  return {
    names,
    read(wanted) {
      const set = new Set(wanted);
      const entries = directory(bytes);
      for (const [name, { locked }] of entries)
        if (locked && set.has(slashed(name)))
          throw new TextError('the ZIP archive is protected by a password; unpack it and name the folder');
      let total = 0;
      const files = unzip(({ name, size, originalSize }) => {
        if (!set.has(slashed(name))) return false;
        total += originalSize;
        if (originalSize > ENTRY_BYTES || total > TOTAL_BYTES || (originalSize > RATIO_MIN_BYTES && originalSize > RATIO * size)) {
          throw new TextError(
            `the ZIP archive looks like a bomb (${name.slice(0, 60)} grows from ${size.toLocaleString('en')} to ${originalSize.toLocaleString('en')} bytes); unpack it and name the folder if it is not`,
          );
        }
        return true;
      });
      for (const [name, data] of Object.entries(files)) {
        // The archive only claims a size; a longer file would lose its end.
        if (entries.has(name) && entries.get(name)!.sum !== crc32(data))
          throw new TextError(`the ZIP archive is damaged (the checksum of ${name.slice(0, 60)} does not match); get it again`);
      }
      return new Map(Object.entries(files).map(([name, data]) => [slashed(name), data]));
    },
  };
}

/** CRC-32 and encryption flag of each file, from the central directory (PKWARE APPNOTE, section 4.3.12): fflate checks neither. */
function directory(bytes: Uint8Array): Map<string, { sum: number; locked: boolean }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = new Map<string, { sum: number; locked: boolean }>();
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) return entries;
  let entry = view.getUint32(end + 16, true);
  while (entry + 46 <= end && view.getUint32(entry, true) === 0x02014b50) {
    const name = bytes.subarray(entry + 46, entry + 46 + view.getUint16(entry + 28, true));
    // Bit 11: the name is UTF-8; else one byte is one character.
    const flags = view.getUint16(entry + 8, true);
    entries.set((flags & 0x800) !== 0 ? new TextDecoder().decode(name) : latin1(name), {
      sum: view.getUint32(entry + 16, true),
      locked: (flags & 1) === 1,
    });
    entry += 46 + name.length + view.getUint16(entry + 30, true) + view.getUint16(entry + 32, true);
  }
  return entries;
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let k = 0; k < 8; k++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
