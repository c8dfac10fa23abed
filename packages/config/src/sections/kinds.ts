import type { TObject, TOptional, TSchema, TUnsafe } from '@sinclair/typebox';

// Schemas in TypeBox's form, whose types come from TypeBox and whose objects are made here: its 200 modules would be loaded by every command
// and take 0.15 s. TypeBox marks its schemas by these symbols, which Symbol.for makes anybody's.
const Kind = Symbol.for('TypeBox.Kind');
const OptionalKind = Symbol.for('TypeBox.Optional');

const unsafe = <T>(schema: object): TUnsafe<T> => ({ ...schema, [Kind]: 'Unsafe' }) as unknown as TUnsafe<T>;

const optional = <S extends TSchema>(schema: S): TOptional<S> => ({ ...schema, [OptionalKind]: 'Optional' }) as unknown as TOptional<S>;

function object<P extends Record<string, TSchema>>(properties: P, options: object): TObject<P> {
  const required = Object.keys(properties).filter((word) => !(OptionalKind in properties[word]!));
  return { ...options, [Kind]: 'Object', type: 'object', ...(required.length > 0 && { required }), properties } as unknown as TObject<P>;
}

/** Limits of a number in JSON Schema words. */
export type Limits = { minimum?: number; maximum?: number; exclusiveMinimum?: number; exclusiveMaximum?: number };

/** min <= x <= max */
export const between = (minimum: number, maximum: number): Limits => ({ minimum, maximum });
/** min < x <= max */
export const above = (exclusiveMinimum: number, maximum: number): Limits => ({ exclusiveMinimum, maximum });
/** min <= x < max */
export const below = (minimum: number, exclusiveMaximum: number): Limits => ({ minimum, exclusiveMaximum });
/** min < x < max */
export const inside = (exclusiveMinimum: number, exclusiveMaximum: number): Limits => ({ exclusiveMinimum, exclusiveMaximum });

export const namePattern = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$';

// `description` says what the key changes (it is what `explain` prints); `$comment` holds the remark of the reference page.
export function key<T>(schema: object, value: unknown, example: unknown, does: string, note?: string): TUnsafe<T> {
  const examples = [...new Set([value, example].map((item) => JSON.stringify(item)))].map((item) => JSON.parse(item) as unknown);
  return unsafe<T>({ ...schema, default: value, examples, description: does, ...(note === undefined ? {} : { $comment: note }) });
}

export const int = (min: number, max: number, value: number, example: number, does: string, note?: string) =>
  key<number>({ type: 'integer', minimum: min, maximum: max }, value, example, does, note);

// A union would become `anyOf`, whose errors name both branches; two types in one schema give one error.
export const intOrNull = (min: number, max: number, example: number, does: string, note?: string) =>
  key<number | null>({ type: ['integer', 'null'], minimum: min, maximum: max }, null, example, does, note);

export const num = (limits: Limits, value: number, example: number, does: string, note?: string) =>
  key<number>({ type: 'number', ...limits }, value, example, does, note);

export const numOrNull = (limits: Limits, example: number, does: string, note?: string) =>
  key<number | null>({ type: ['number', 'null'], ...limits }, null, example, does, note);

export const bool = (value: boolean, does: string, note?: string) => key<boolean>({ type: 'boolean' }, value, !value, does, note);

export const choice = <const C extends readonly string[]>(choices: C, value: C[number], example: C[number], does: string, note?: string) =>
  key<C[number]>({ type: 'string', enum: choices }, value, example, does, note);

export const oneOf = <const C extends readonly number[]>(choices: C, value: C[number], example: C[number], does: string, note?: string) =>
  key<C[number]>({ type: 'integer', enum: choices }, value, example, does, note);

export const name = (value: string, example: string, does: string, note?: string) =>
  key<string>({ type: 'string', pattern: namePattern, maxLength: 64 }, value, example, does, note);

export const path = (value: string, example: string, does: string, note?: string) =>
  key<string>({ type: 'string', minLength: 1, maxLength: 1024 }, value, example, does, note);

export const pathOrNull = (example: string, does: string, note?: string) =>
  key<string | null>({ type: ['string', 'null'], minLength: 1, maxLength: 1024 }, null, example, does, note);

export const choices = <const C extends readonly string[]>(
  options: C,
  value: readonly C[number][],
  example: readonly C[number][],
  does: string,
  note?: string,
) => key<C[number][]>({ type: 'array', items: { type: 'string', enum: options }, uniqueItems: true }, value, example, does, note);

export const presetsOrFiles = (does: string, note?: string) =>
  key<string | string[] | null>(
    {
      type: ['string', 'array', 'null'],
      minLength: 1,
      maxLength: 1024,
      items: { type: 'string', minLength: 1, maxLength: 1024 },
      maxItems: 16,
    },
    null,
    'quickstart',
    does,
    note,
  );

type Options<P extends Record<string, TSchema>> = { [K in keyof P]: TOptional<P[K]> };

/** `d_model` → `D model`: the heading editors show. */
const titled = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1).replaceAll('_', ' ');

const withTitles = <P extends Record<string, TSchema>>(keys: P): P =>
  Object.fromEntries(
    Object.entries(keys).map(([word, schema]) => [word, { ...schema, title: schema.title ?? titled(word) }]),
  ) as unknown as P;

/** A map whose keys are all optional and otherwise unknown keys are errors. */
export function section<P extends Record<string, TSchema>>(title: string, description: string, keys: P): TObject<Options<P>> {
  const properties = Object.fromEntries(Object.entries(withTitles(keys)).map(([word, schema]) => [word, optional(schema)])) as Options<P>;
  return object(properties, { title, description, additionalProperties: false, default: {}, examples: [{}] });
}

/** A map whose keys are all required. */
export function complete<P extends Record<string, TSchema>>(title: string, description: string, keys: P, example: object): TObject<P> {
  return object(withTitles(keys), { title, description, additionalProperties: false, examples: [example] });
}

/** A required key: it has an example and no default. */
export const required = <T>(schema: object, examples: unknown[], does: string, note?: string): TUnsafe<T> =>
  unsafe<T>({ ...schema, examples, description: does, ...(note === undefined ? {} : { $comment: note }) });

/** A list of maps. */
export const list = <T>(items: TSchema, minItems: number, maxItems: number, value: readonly unknown[], does: string, note?: string) =>
  key<T[]>({ type: 'array', items, minItems, maxItems }, value, value, does, note);
