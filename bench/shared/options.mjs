// The options of every bench. One table gives the values, the messages and `--help`.
import { parseArgs } from 'node:util';

/** An error that ends a bench with one line and no stack (tools/plain.mjs): code 2 for a wrong option, 1 for what the machine lacks. */
export const failure = (message, code = 'MDIFF_BENCH', exitCode = 1) => Object.assign(new Error(message), { code, exitCode });
const usage = (message) => failure(message, 'MDIFF_USAGE', 2);

const between = (low, high) => (high === Infinity ? `from ${low}` : `from ${low} to ${high}`);

/** Kinds of values. `read` gives undefined for a text that is no such value. */
export const number = (low, high = Infinity) => ({
  label: 'number',
  expected: `a number ${between(low, high)}`,
  read: (text) => (text.trim() !== '' && Number(text) >= low && Number(text) <= high ? Number(text) : undefined),
});
export const whole = (low, high = Infinity) => ({
  label: 'number',
  expected: `a whole number ${between(low, high)}`,
  read: (text) => (Number.isInteger(number(low, high).read(text)) ? Number(text) : undefined),
});
export const text = (label) => ({ label, expected: 'a text', read: (value) => value });
export const oneOf = (names) => ({
  label: 'name',
  expected: `one of ${names.join(', ')}`,
  read: (value) => (names.includes(value) ? value : undefined),
});

/** Several values of a kind, separated by commas; at least `least`. */
export const list = (kind, least = 1) => ({
  label: `${kind.label},…`,
  expected: `${least > 1 ? `at least ${least} values` : 'values'}, separated by commas, each ${kind.expected}`,
  read: (value) => {
    const items = value.split(',').map((item) => kind.read(item));
    return items.length >= least && !items.includes(undefined) ? items : undefined;
  },
});

/** The lines that `--help` prints. */
export function helpOf({ name, about, argument, options }) {
  const flags = Object.entries({ ...options, help: { help: 'print this and end' } }).map(([key, { kind, default: value, help }]) => [
    kind ? `--${key} <${kind.label}>` : `--${key}`,
    `${help}${value === undefined ? '' : ` (default: ${value})`}`,
  ]);
  const width = Math.max(...flags.map(([flag]) => flag.length)) + 2;
  return [
    `npm run bench -- ${name} ${argument ? `[${argument}] ` : ''}[options]`,
    '',
    about,
    '',
    ...flags.map(([flag, help]) => `  ${flag.padEnd(width)}${help}`),
  ].join('\n');
}

/**
 * Reads the command line by a bench's table: `options` maps a name to `{ kind, default, many, help }`. An option without a kind is a flag; one
 * with `many` may be repeated and gives a list. Returns the values by name and, as `argument`, the one that stands alone. Throws a usage error.
 */
export function parse(bench, args) {
  const { options, argument } = bench;
  const flags = Object.fromEntries(
    Object.entries(options).map(([key, { kind, many }]) => [key, { type: kind ? 'string' : 'boolean', ...(many && { multiple: true }) }]),
  );
  let parsed;
  try {
    parsed = parseArgs({ args, options: { ...flags, help: { type: 'boolean' } }, allowPositionals: true });
  } catch (error) {
    throw usage(`${bench.name}: ${error.message.split('. ')[0]}; see npm run bench -- ${bench.name} --help`);
  }
  const { values, positionals } = parsed;
  if (positionals.length > (argument ? 1 : 0))
    throw usage(`${bench.name}: unexpected argument "${positionals.at(-1)}"; see npm run bench -- ${bench.name} --help`);
  const read = (key, kind, given) => {
    const value = kind.read(given);
    if (value === undefined) throw usage(`--${key}: expected ${kind.expected}, got "${given}"`);
    return value;
  };
  const result = Object.fromEntries(
    Object.entries(options).map(([key, { kind, many, default: fallback }]) => {
      const given = values[key];
      if (!kind) return [key, given ?? false];
      if (many) return [key, (given ?? []).map((one) => read(key, kind, one))];
      return [key, given === undefined && fallback === undefined ? undefined : read(key, kind, given ?? String(fallback))];
    }),
  );
  return { ...result, argument: positionals[0], help: values.help ?? false };
}

/** Called by the entry of every bench: returns the values, or prints `--help` and ends the process. */
export function optionsOf(bench, args = process.argv.slice(2)) {
  const values = parse(bench, args);
  if (values.help) {
    console.log(helpOf(bench));
    process.exit(0);
  }
  return values;
}
