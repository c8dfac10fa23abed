import { expect, it } from 'vitest';
import { wholeEnd } from './whole.js';

it.each([
  [' sailed on. The sea was a ship upon the Pequ', ' sailed on. The sea was a ship upon the …'],
  [' sailed on, and the crew went below. The sea', ' sailed on, and the crew went below.'],
  [' said, “Go!” and then', ' said, “Go!”'],
  [' sailed on,', ' sailed on, …'],
  [' sailed on.', ' sailed on.'],
  [' Pequ', ' Pequ'],
  ['', ''],
])('%j ends as %j', (text, whole) => {
  expect(wholeEnd(text)).toBe(whole);
});
