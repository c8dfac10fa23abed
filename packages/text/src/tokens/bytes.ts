/**
 * The printable stand-ins of byte-level BPE: each byte has one visible character, so that a vocabulary of strings can hold any bytes.
 * Source: GPT-2 (Radford et al. 2019); Hugging Face calls the table ByteLevel.
 */
export const BYTE_CHARS: readonly string[] = (() => {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
})();

/** Stand-in character → byte. */
export const CHAR_BYTES: ReadonlyMap<string, number> = new Map(BYTE_CHARS.map((char, byte) => [char, byte]));
