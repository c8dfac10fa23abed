import { expect, test } from 'vitest';
import { mustBe, mustKnow } from './index.js';

const given = { object: {}, list: [1], string: 'a', number: 1, function: () => 1 } as const;
const kinds = Object.keys(given) as (keyof typeof given)[];

test.each(kinds)('a value that is a %s passes as one', (kind) => {
  expect(() => mustBe('call', 'argument', given[kind], kind)).not.toThrow();
});

test.each([
  ['object', null, 'call: argument: expected an object, got null'],
  ['object', 'text', 'call: argument: expected an object, got "text"'],
  ['list', { length: 0 }, 'call: argument: expected a list, got an object'],
  ['string', undefined, 'call: argument: expected a string, got undefined'],
  ['string', 5, 'call: argument: expected a string, got 5'],
  ['number', '5', 'call: argument: expected a number, got "5"'],
  ['function', 'x'.repeat(50), `call: argument: expected a function, got "${'x'.repeat(40)}"`],
] as const)('another kind than %s is refused: %j', (kind, value, message) => {
  expect(() => mustBe('call', 'argument', value, kind)).toThrow(new TypeError(message));
});

test('a list and a function are objects too', () => {
  expect(() => mustBe('call', 'argument', [], 'object')).not.toThrow();
  expect(() => mustBe('call', 'argument', () => 1, 'object')).not.toThrow();
});

test('an option that is not known is refused, with those that are', () => {
  const known = { width: true, height: true } as const;
  expect(() => mustKnow('draw', { width: 1 }, known)).not.toThrow();
  expect(() => mustKnow('draw', { widht: 1 }, known)).toThrow(new TypeError('draw: no option is called "widht"; it takes height, width'));
  // What every object inherits is no option.
  expect(() => mustKnow('draw', { toString: 1 }, known)).toThrow('no option is called "toString"');
});
