import { expect, it } from 'vitest';
import { expandHome } from './home.js';

it.each([
  ['~', '/home/ada'],
  ['~/books', '/home/ada/books'],
  ['~\\books', '/home/ada\\books'],
  ['~bob/books', '~bob/books'],
  ['./~/books', './~/books'],
  ['books/~', 'books/~'],
  ['', ''],
])('%s is %s', (path, expanded) => {
  expect(expandHome(path, '/home/ada')).toBe(expanded);
  expect(expandHome(path, '/home/ada/')).toBe(expanded);
  expect(expandHome(path, undefined)).toBe(path);
});
