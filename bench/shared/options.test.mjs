import { describe, expect, test } from 'vitest';
import { helpOf, list, number, oneOf, parse, text, whole } from './options.mjs';

const bench = {
  name: 'toy',
  about: 'A toy.',
  argument: 'book',
  options: {
    steps: { kind: whole(25), default: 500, help: 'steps of a run' },
    share: { kind: number(0.01, 1), help: 'share of masked tokens' },
    sizes: { kind: list(oneOf(['nano', 'micro'])), help: 'networks' },
    seeds: { kind: list(whole(0), 2), default: '42,43', help: 'seeds' },
    set: { kind: text('key=value'), many: true, help: 'a setting of every run' },
    quick: { help: 'one size' },
  },
};
const values = (...args) => parse(bench, args);

test('gives defaults, and undefined where there is none', () => {
  expect(values()).toEqual({
    steps: 500,
    share: undefined,
    sizes: undefined,
    seeds: [42, 43],
    set: [],
    quick: false,
    argument: undefined,
    help: false,
  });
});

test('reads values, lists, repeated options, flags and the argument', () => {
  expect(
    values('book.txt', '--steps', '30', '--share=0.5', '--sizes', 'micro,nano', '--set', 'a=1', '--set', 'b=2', '--quick', '--help'),
  ).toEqual({
    steps: 30,
    share: 0.5,
    sizes: ['micro', 'nano'],
    seeds: [42, 43],
    set: ['a=1', 'b=2'],
    quick: true,
    argument: 'book.txt',
    help: true,
  });
});

describe('a wrong option is one line and exit code 2', () => {
  test.each([
    [['--steps', '24'], '--steps: expected a whole number from 25, got "24"'],
    [['--steps', '30.5'], '--steps: expected a whole number from 25, got "30.5"'],
    [['--steps', ''], '--steps: expected a whole number from 25, got ""'],
    [['--share', '2'], '--share: expected a number from 0.01 to 1, got "2"'],
    [['--sizes', 'nano,huge'], '--sizes: expected values, separated by commas, each one of nano, micro, got "nano,huge"'],
    [['--seeds', '42'], '--seeds: expected at least 2 values, separated by commas, each a whole number from 0, got "42"'],
    [['--fast'], "toy: Unknown option '--fast'; see npm run bench -- toy --help"],
    [['one', 'two'], 'toy: unexpected argument "two"; see npm run bench -- toy --help'],
  ])('%j', (args, message) => {
    expect(() => values(...args)).toThrow(expect.objectContaining({ message, code: 'MDIFF_USAGE', exitCode: 2 }));
  });
});

test('--help lists every option with its default', () => {
  const help = helpOf(bench);
  expect(help).toContain('npm run bench -- toy [book] [options]');
  for (const key of Object.keys(bench.options)) expect(help).toContain(`--${key}`);
  expect(help).toMatch(/--steps <number> +steps of a run \(default: 500\)/);
});
