/**
 * The printable stand-ins of byte-level BPE: each byte has one visible character, so that a vocabulary of strings can hold any bytes.
 * Source: GPT-2 (Radford et al. 2019); Hugging Face calls the table ByteLevel.
 */
export const BYTE_CHARS: readonly string[] = (() => {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
})();

/** Byte of each stand-in by its code unit, −1 for any other. */
const BYTES = new Int16Array(512).fill(-1);
BYTE_CHARS.forEach((char, byte) => (BYTES[char.charCodeAt(0)] = byte));

/** The bytes that a token stands for; undefined if a character of it stands for none. */
export function bytesOf(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTES[token.charCodeAt(i)] ?? -1;
    if (byte < 0) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
