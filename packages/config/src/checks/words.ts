import { distance } from 'fastest-levenshtein';
import { dotted, nodeAt, root, sections, segments, takes, type Node, type Segment } from '../sections/keys.js';

/** A number without an exponent: PyYAML reads `2e-4` as a string. Infinities and NaN as YAML writes them. */
export function plain(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  const text = Object.is(value, -0) ? '0' : String(value);
  const parts = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!parts) return text;
  const [, sign = '', lead = '', rest = '', power = '0'] = parts;
  const exponent = Number(power);
  const digits = lead + rest;
  return exponent < 0 ? `${sign}0.${'0'.repeat(-exponent - 1)}${digits}` : `${sign}${digits.padEnd(exponent + 1, '0')}`;
}

const cut = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** Control characters would let a value forge a second line. */
export const quoted = (text: string): string => JSON.stringify(cut(text));

/** A found value, as an error shows it. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return plain(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'a map';
  return String(value);
}

/** `a, b or c` */
const either = (parts: readonly string[]): string => parts.join(' or ');

function limits(node: Node): string {
  const low =
    node.minimum !== undefined
      ? `>= ${plain(node.minimum)}`
      : node.exclusiveMinimum !== undefined
        ? `> ${plain(node.exclusiveMinimum)}`
        : '';
  const high =
    node.maximum !== undefined
      ? `<= ${plain(node.maximum)}`
      : node.exclusiveMaximum !== undefined
        ? `< ${plain(node.exclusiveMaximum)}`
        : '';
  return [low, high].filter(Boolean).join(' and ');
}

export function count(node: Node, what: string): string {
  const [low, high] = what === 'characters' ? [node.minLength, node.maxLength] : [node.minItems, node.maxItems];
  if (low !== undefined && high !== undefined) return low === high ? `${low}` : `${low} to ${high}`;
  return high !== undefined ? `at most ${high}` : `at least ${low ?? 0}`;
}

function typeWords(node: Node, type: string): string {
  if (type === 'integer' || type === 'number') return `${type === 'integer' ? 'an integer' : 'a number'} ${limits(node)}`.trim();
  if (type === 'string')
    return node.pattern ? 'a name of 1-64 letters, digits, ".", "_" or "-", starting with a letter or digit' : 'a string';
  if (type === 'boolean') return 'true or false';
  if (type === 'array') return node.minItems !== undefined ? `a list of ${count(node, 'items')}` : 'a list';
  return type === 'object' ? 'a map' : type;
}

/** The values a key takes: `an integer >= 1 and <= 256`, `one of "a", "b"`, `true or false`, `… or null`. */
export function expected(node: Node): string {
  if (node.enum) return `one of ${node.enum.map((item) => (typeof item === 'string' ? `"${item}"` : plain(item))).join(', ')}`;
  const types = Array.isArray(node.type) ? node.type : [node.type ?? 'object'];
  return either(types.map((type) => typeWords(node, type)));
}

/** The same without an article, for reference pages. */
export const kindOf = (node: Node): string => expected(node).replace(/^an? /, '');

function nearest(word: string, options: readonly string[]): string | undefined {
  const reach = Math.max(2, Math.floor(0.34 * word.length));
  let best: string | undefined;
  let least = reach + 1;
  // A long word cannot be near a key; comparing it would cost time for nothing.
  if (word.length > 128) return undefined;
  for (const option of options) {
    const far = distance(word, option);
    if (far < least) [best, least] = [option, far];
  }
  return best;
}

/** `did you mean …?` for one of a set of choices. */
export const nearChoice = (value: unknown, options: readonly (string | number)[]): string | undefined => {
  const near = typeof value === 'string' ? nearest(value, options.map(String)) : undefined;
  return near === undefined ? undefined : `did you mean "${near}"?`;
};

/** `did you mean …?` for an unknown key: a near sibling, or the same key in another section. */
export function nearKey(word: string, siblings: readonly string[], parent: readonly Segment[]): string | undefined {
  const near = nearest(word, siblings);
  if (near !== undefined) return `did you mean "${near}"?`;
  if (parent.length > 0 && Object.hasOwn(root.properties!, word)) return `did you mean "${word}" at the top level?`;
  const home = sections.find((section) => section !== dotted(parent) && Object.hasOwn(root.properties![section]!.properties!, word));
  return home === undefined ? undefined : `did you mean "${home}.${word}"?`;
}

/** `did you mean 12?` for a quoted number, `did you mean true?` for a yes/no word. */
export function plainValue(value: unknown, node: Node): string | undefined {
  if (typeof value !== 'string') return undefined;
  const types = Array.isArray(node.type) ? node.type : [node.type];
  const word = value.trim().toLowerCase();
  if (types.includes('boolean')) {
    if (['yes', 'on', 'y', 'true', '1'].includes(word)) return 'did you mean true?';
    if (['no', 'off', 'n', 'false', '0'].includes(word)) return 'did you mean false?';
  }
  if ((types.includes('integer') || types.includes('number')) && /^[+-]?(\d[\d_]*)?\.?\d+(e[+-]?\d+)?$/.test(word)) {
    const number = Number(word.replaceAll('_', ''));
    if (Number.isFinite(number)) return `did you mean ${plain(number)}?`;
  }
  return types.includes('null') && ['none', 'null', '~'].includes(word) ? 'did you mean null?' : undefined;
}

/**
 * `write it in quotes: "1984"` for a text that YAML reads as a number, a truth value or null. `read` gives it as the file has it, which `0x7C0` and `007`
 * show no more in their value.
 */
export function textValue(value: unknown, node: Node, read: () => string | undefined): string | undefined {
  if (!takes(node, 'string') || node.enum !== undefined) return undefined;
  const written = read();
  if (value === null && written === '') return 'write a value after it, or remove the key';
  if (value === null && written === '~') return 'a lone ~ is null in YAML; write ~/ for your home folder';
  const text = written ?? (['number', 'boolean'].includes(typeof value) ? String(value) : '');
  if (text === '' || (typeof value === 'object' && value !== null)) return undefined;
  return new RegExp(node.pattern ?? '').test(text) ? `to give it as text, write it in quotes: ${quoted(text)}` : undefined;
}

/** `write model: {n_layers: …}` for a dotted key in a file, where keys are nested. */
export function nestedKey(word: string, parent: readonly Segment[]): string | undefined {
  const inner = segments(word);
  if (inner === undefined || inner.length < 2) return undefined;
  if (inner.some((part) => typeof part === 'number')) return 'a file gives a list as a whole; --set changes one item of it';
  const nested = (path: readonly Segment[]): string =>
    path.reduceRight<string>((rest, part) => (rest ? `${part}: {${rest}}` : `${part}: …`), '');
  const known = (path: readonly Segment[]): Segment[] | undefined => {
    const siblings = Object.keys(nodeAt(path.slice(0, -1))?.properties ?? {});
    const last = String(path.at(-1));
    const near = siblings.includes(last) ? last : nearest(last, siblings);
    return near === undefined ? undefined : [...path.slice(0, -1), near];
  };
  const below = known([...parent, ...inner]);
  if (below !== undefined) return `a file nests its keys: write ${nested(below.slice(parent.length))}`;
  const top = known(inner);
  if (top === undefined) return undefined;
  const within = parent.every((part, i) => part === top[i]);
  return within ? `did you mean "${dotted(top.slice(parent.length))}"?` : `a file nests its keys: write ${nested(top)} at the top level`;
}
