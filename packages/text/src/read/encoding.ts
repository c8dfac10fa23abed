import { TextError } from '../error.js';

export interface Decoded {
  text: string;
  /** For messages to people: `UTF-8`, `UTF-8 with a byte-order mark`, `UTF-16LE`, `Windows-1252`, …. */
  encoding: string;
}

const SAMPLE = 65536;
// Western European text has few accented letters; Cyrillic or Greek read as Windows-1252 has almost nothing else.
const ACCENTED_SHARE = 0.25;
// Windows-1252, bytes 0x80 to 0x9f (WHATWG Encoding, index-windows-1252); a blank for an undefined byte. TextDecoder of Node 20 decodes it as Latin-1.
const HIGH_CONTROLS = '€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ';
const UNDEFINED = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);
const WESTERN = /^(windows-1252|cp-?1252|iso-?8859-1|latin-?1|l1)$/i;

/**
 * Bytes to text. A byte-order mark decides first, then valid characters of several bytes (UTF-8), then `declared`, then the bytes themselves: UTF-16 by
 * the places of its zero bytes or by its letters, UTF-8 when valid, else Windows-1252 when every byte is defined there and letters above 127 are few. No character is replaced.
 *
 * @param declared an encoding that the file itself names, as HTML and XML do
 * @throws TextError, without the name of the file, when the bytes are binary, damaged, or in none of these encodings
 */
export function decode(bytes: Uint8Array, declared?: string): Decoded {
  if (starts(bytes, 0xef, 0xbb, 0xbf)) return { text: strict(bytes.subarray(3), 'utf-8', 3), encoding: 'UTF-8 with a byte-order mark' };
  const wide32 = utf32(bytes);
  if (wide32) return wide32;
  if (starts(bytes, 0xff, 0xfe)) return utf16(bytes.subarray(2), 'utf-16le', 'UTF-16LE with a byte-order mark');
  if (starts(bytes, 0xfe, 0xff)) return utf16(bytes.subarray(2), 'utf-16be', 'UTF-16BE with a byte-order mark');
  const wide = unmarked16(bytes) ?? likely16(bytes);
  if (wide) return utf16(bytes, wide, wide.toUpperCase());
  const zero = bytes.indexOf(0);
  if (zero >= 0) throw new TextError(`it is binary (a zero byte at offset ${zero}); choose a text file`);
  const { valid, invalid, first } = survey(bytes);
  const declaresOther = declared !== undefined && !/^(utf-?(8|16|32)\w*|us-ascii|ascii)$/i.test(declared);
  // Characters of several bytes are never all valid by chance, so the declaration is left over from an older copy of the file.
  if (declaresOther && valid > 0 && invalid === 0)
    return { text: new TextDecoder().decode(bytes), encoding: `UTF-8, though the file says ${declared}` };
  if (declaresOther) {
    if (WESTERN.test(declared)) return { text: windows1252(bytes), encoding: `${declared}, as the file says` };
    const decoder = decoderFor(declared);
    if (decoder) {
      try {
        return { text: decoder.decode(bytes), encoding: `${declared}, as the file says` };
      } catch {
        throw new TextError(`it is not ${declared}, as it says itself; save it as UTF-8`);
      }
    }
  }
  if (invalid === 0) return { text: new TextDecoder().decode(bytes), encoding: 'UTF-8' };
  if (isSurrogate(bytes, first)) throw halfCharacter(lineOf(bytes, first));
  const damage = damageAt(bytes, first);
  // Valid characters of several bytes do not arise by chance: such a file is UTF-8 that was cut or damaged.
  if (valid >= invalid || first === lastSequence(bytes)) throw new TextError(`it is not UTF-8 ${damage}; save it as UTF-8`);
  const misfit = notWindows1252(bytes);
  if (misfit) throw new TextError(`it is not UTF-8 ${damage}, nor Windows-1252 (${misfit}); save it as UTF-8`);
  return { text: windows1252(bytes), encoding: 'Windows-1252' };
}

const windows1252 = (bytes: Uint8Array) =>
  new TextDecoder('latin1').decode(bytes).replace(/[\x80-\x9f]/g, (char) => HIGH_CONTROLS[char.charCodeAt(0) - 0x80]!);

const starts = (bytes: Uint8Array, ...magic: number[]) => magic.every((byte, i) => bytes[i] === byte);

function decoderFor(label: string): InstanceType<typeof TextDecoder> | undefined {
  try {
    return new TextDecoder(label, { fatal: true });
  } catch {
    return undefined;
  }
}

function strict(bytes: Uint8Array, label: string, skipped: number): string {
  const { invalid, first } = survey(bytes);
  if (invalid > 0 && isSurrogate(bytes, first)) throw halfCharacter(lineOf(bytes, first));
  if (invalid > 0) throw new TextError(`it is not UTF-8 ${damageAt(bytes, first, skipped)}; save it as UTF-8`);
  return new TextDecoder(label, { ignoreBOM: true }).decode(bytes);
}

function utf16(bytes: Uint8Array, label: 'utf-16le' | 'utf-16be', encoding: string): Decoded {
  if (bytes.length % 2 === 1) throw new TextError(`it is ${encoding} cut in the middle of a character; save it as UTF-8`);
  const text = new TextDecoder(label, { ignoreBOM: true }).decode(bytes);
  const [high, low] = label === 'utf-16le' ? [1, 0] : [0, 1];
  for (let i = 0; i < text.length; i++) {
    // The decoder replaces half a surrogate pair that stands alone; the file itself does not spell this replacement.
    if (text.charCodeAt(i) !== 0xfffd || (bytes[2 * i + high] === 0xff && bytes[2 * i + low] === 0xfd)) continue;
    throw halfCharacter(text.slice(0, i).split('\n').length);
  }
  return { text, encoding };
}

const halfCharacter = (line: number) =>
  new TextError(`it holds half a character (a lone surrogate) in line ${line}; remove it and save the file as UTF-8`);

/** True for a surrogate spelled in three bytes, as broken exporters write it. */
const isSurrogate = (bytes: Uint8Array, offset: number) =>
  bytes[offset] === 0xed && (bytes[offset + 1] ?? 0) >= 0xa0 && ((bytes[offset + 2] ?? 0) & 0xc0) === 0x80;

function lineOf(bytes: Uint8Array, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset; i++) if (bytes[i] === 10) line++;
  return line;
}

const damageAt = (bytes: Uint8Array, offset: number, skipped = 0) =>
  `(byte 0x${bytes[offset]!.toString(16)} at offset ${offset + skipped}, line ${lineOf(bytes, offset)})`;

/** UTF-16 without a mark: in Western text every second byte is zero, always the even ones or always the odd ones. */
function unmarked16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const size = Math.min(bytes.length - (bytes.length % 2), SAMPLE);
  const zeros = [0, 0];
  for (let i = 0; i < size; i++) if (bytes[i] === 0) zeros[i % 2]!++;
  const [even, odd] = zeros as [number, number];
  if (size < 8 || even + odd < 0.15 * size) return undefined;
  if (even === 0) return 'utf-16le';
  return odd === 0 ? 'utf-16be' : undefined;
}

/** UTF-32, with a byte-order mark or with three zero bytes at each Western letter; undefined for anything else. */
function utf32(bytes: Uint8Array): Decoded | undefined {
  const [little, big] = [starts(bytes, 0xff, 0xfe, 0, 0), starts(bytes, 0, 0, 0xfe, 0xff)];
  const size = Math.min(bytes.length - (bytes.length % 4), SAMPLE);
  const zeros = [0, 0, 0, 0];
  for (let i = 0; i < size; i++) if (bytes[i] === 0) zeros[i % 4]!++;
  const most = size / 4;
  const isLittle = little || (size >= 16 && zeros[3] === most && zeros[2] === most && zeros[0] === 0);
  const isBig = big || (size >= 16 && zeros[0] === most && zeros[1] === most && zeros[3] === 0);
  if (bytes.length % 4 !== 0 || (!isLittle && !isBig)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const name = `UTF-32${isLittle ? 'LE' : 'BE'}`;
  const pieces: string[] = [];
  let text = '';
  for (let i = little || big ? 4 : 0; i < bytes.length; i += 4) {
    const code = view.getUint32(i, isLittle);
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      throw new TextError(`it is ${name} with a number that is no character; save it as UTF-8`);
    text += String.fromCodePoint(code);
    if (text.length > SAMPLE) {
      pieces.push(text);
      text = '';
    }
  }
  return { text: pieces.join('') + text, encoding: little || big ? `${name} with a byte-order mark` : name };
}

// Shares of a sample's characters: text is letters, marks and blanks, with a line break or a blank now and then.
const TEXT_SHARE = 0.95;
const BLANK_SHARE = 1 / 200;

/** UTF-16 without a mark in a script whose letters have no zero bytes, such as Cyrillic: in one byte order alone all characters are text. */
function likely16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const size = Math.min(bytes.length, SAMPLE);
  if (bytes.length < 16 || bytes.length % 2 === 1 || !bytes.subarray(0, size).includes(0)) return undefined;
  return (['utf-16le', 'utf-16be'] as const).find((label) => {
    const text = new TextDecoder(label).decode(bytes.subarray(0, size));
    const share = (pattern: RegExp): number => (text.match(pattern)?.length ?? 0) / text.length;
    return !/[\0\uFFFD]/.test(text) && share(/[ \n]/g) >= BLANK_SHARE && share(/[\p{L}\p{M}\p{N}\p{P}\s]/gu) >= TEXT_SHARE;
  });
}

/** Counts valid characters of several bytes, and bytes that belong to none (Unicode 16, table 3-7: no surrogates, no overlong forms). */
function survey(bytes: Uint8Array): { valid: number; invalid: number; first: number } {
  let valid = 0;
  let invalid = 0;
  let first = -1;
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i]!;
    if (lead < 0x80) {
      i++;
      continue;
    }
    const length = lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
    const next = bytes[i + 1] ?? 0;
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    let good = length > 0 && next >= low && next <= high;
    for (let k = 2; good && k < length; k++) good = ((bytes[i + k] ?? 0) & 0xc0) === 0x80;
    if (good) valid++;
    else if (++invalid === 1) first = i;
    i += good ? length : 1;
  }
  return { valid, invalid, first };
}

/** Offset of a character of several bytes that the end of the file cuts, or -1. */
function lastSequence(bytes: Uint8Array): number {
  for (let i = bytes.length - 1; i >= Math.max(0, bytes.length - 3); i--) {
    const byte = bytes[i]!;
    if (byte < 0x80) return -1;
    if (byte >= 0xc2) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > bytes.length - i && bytes.length - i > 1 ? i : -1;
  }
  return -1;
}

function notWindows1252(bytes: Uint8Array): string | undefined {
  let letters = 0;
  let accented = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (UNDEFINED.has(byte)) return `byte 0x${byte.toString(16)} at offset ${i} means nothing there`;
    if (byte >= 0xc0) accented++;
    if (byte >= 0xc0 || ((byte | 32) >= 97 && (byte | 32) <= 122)) letters++;
  }
  if (accented > ACCENTED_SHARE * letters) return `${Math.round((100 * accented) / letters)} % of its letters would be accented`;
  return undefined;
}
