/** What JavaScript callers, whom no compiler stops, most often hand over instead. */
const KINDS = {
  object: { words: 'an object', fits: (value: unknown) => (typeof value === 'object' && value !== null) || typeof value === 'function' },
  list: { words: 'a list', fits: (value: unknown) => Array.isArray(value) },
  string: { words: 'a string', fits: (value: unknown) => typeof value === 'string' },
  number: { words: 'a number', fits: (value: unknown) => typeof value === 'number' },
  function: { words: 'a function', fits: (value: unknown) => typeof value === 'function' },
} as const;

/** Stops a call whose argument is of another kind, in one line that names the function and the argument. @throws TypeError */
export function mustBe(call: string, argument: string, value: unknown, kind: keyof typeof KINDS): void {
  const { words, fits } = KINDS[kind];
  if (fits(value)) return;
  const shown =
    typeof value === 'string'
      ? JSON.stringify(value.slice(0, 40))
      : typeof value === 'object' && value !== null
        ? 'an object'
        : String(value);
  throw new TypeError(`${call}: ${argument}: expected ${words}, got ${shown}`);
}

/** Stops a call with an option that nobody reads, such as a misspelt one. @throws TypeError */
export function mustKnow(call: string, options: object, known: Readonly<Record<string, true>>): void {
  const stranger = Object.keys(options).find((name) => !Object.hasOwn(known, name));
  if (stranger === undefined) return;
  throw new TypeError(`${call}: no option is called ${JSON.stringify(stranger)}; it takes ${Object.keys(known).sort().join(', ')}`);
}
