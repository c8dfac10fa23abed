// Zero-width characters and marks of writing direction. The joiners U+200C and U+200D stay: Persian, the scripts of India and emoji need them.
const INVISIBLE = /[\u200B\u200E\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFEFF]/g;
// A soft hyphen at the end of a line divides a word, which `mendHyphens` puts together.
const SOFT_HYPHEN = /\u00AD(?![^\S\r\n]*[\r\n])/g;
const LIGATURE = /[\uFB00-\uFB06]/g;
const LIGATURES = ['ff', 'fi', 'fl', 'ffi', 'ffl', 'st', 'st'];
const ANY = /[\u00AD\u200B\u200E\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFB00-\uFB06\uFEFF]/;

/** Drops characters that nobody sees, and spells ligatures in letters. */
export const plainCharacters = (text: string): string =>
  ANY.test(text)
    ? text
        .replace(INVISIBLE, '')
        .replace(SOFT_HYPHEN, '')
        .replace(LIGATURE, (char) => LIGATURES[char.charCodeAt(0) - 0xfb00]!)
    : text;
