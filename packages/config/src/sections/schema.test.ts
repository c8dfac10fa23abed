import { readFileSync } from 'node:fs';
import { Type } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { bare, validatorSource } from '../codegen.js';
import { schema } from '../generated/validator.js';
import { aliases, jsonSchema, leafKeys, ProjectConfig, referencePage } from '../index.js';
import { bool, complete, required, section } from './kinds.js';
import { ProjectConfigSchema } from './schema.js';

type Json = { [word: string]: unknown; properties?: Record<string, Json>; items?: Json | Json[]; required?: string[] };
const whole = jsonSchema() as Json;

/** Every key with its path, and whether it must be given. */
function keysOf(node: Json, path = ''): [path: string, key: Json, required: boolean][] {
  return Object.entries(node.properties ?? {}).flatMap(([word, child]) => {
    const at = path ? `${path}.${word}` : word;
    const items = Array.isArray(child.items) ? {} : (child.items ?? {});
    return [
      [at, child, node.required?.includes(word) ?? false] as [string, Json, boolean],
      ...keysOf(child, at),
      ...keysOf(items, `${at}[]`),
    ];
  });
}

describe('the JSON Schema', () => {
  it('is draft-07, has an $id, and is accepted by a strict Ajv', () => {
    expect(whole.$schema).toBe('http://json-schema.org/draft-07/schema#');
    expect(whole.$id).toBe('urn:mdiff:config');
    const ajv = new Ajv({ strict: true, allowUnionTypes: true });
    const validate = ajv.compile(whole);
    expect(validate(JSON.parse(JSON.stringify(ProjectConfig.default())))).toBe(true);
    expect(validate({ model: { d_modell: 1 } })).toBe(false);
  });

  it.each(keysOf(whole).map(([path, key, required]) => ({ path, key, required })))(
    '$path has title, description, default and valid examples',
    ({ path, key, required }) => {
      expect(key.title).toMatch(/^[A-Z]/);
      expect(key.description).toMatch(/\S/);
      const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(key);
      if (!required) {
        expect(key).toHaveProperty('default');
        expect(validate(key.default), `default of ${path}`).toBe(true);
      }
      expect((key.examples as unknown[]).length).toBeGreaterThan(0);
      for (const example of key.examples as unknown[]) expect(validate(example), `example of ${path}`).toBe(true);
    },
  );

  it('is made as TypeBox makes it', () => {
    const theirs = Type.Object(
      { on: Type.Optional(Type.Unsafe<boolean>({ ...bool(true, 'says so'), title: 'On' })) },
      { title: 'A', description: 'b', additionalProperties: false, default: {}, examples: [{}] },
    );
    expect(section('A', 'b', { on: bool(true, 'says so') })).toStrictEqual(theirs);
    const given = Type.Object(
      { name: Type.Unsafe<string>({ type: 'string', examples: ['x'], description: 'who', title: 'Name' }) },
      { title: 'A', description: 'b', additionalProperties: false, examples: [{ name: 'x' }] },
    );
    expect(complete('A', 'b', { name: required<string>({ type: 'string' }, ['x'], 'who') }, { name: 'x' })).toStrictEqual(given);
  });

  it('gives the schema of one key, and nothing for an unknown one', () => {
    expect(jsonSchema('training.batch_size')).toMatchObject({ type: 'integer', minimum: 1, maximum: 65536, default: 32 });
    expect(jsonSchema('curriculum.stages[].epochs')).toMatchObject({ type: 'integer', minimum: 1 });
    for (const key of ['constructor', '__proto__', 'training.toString', 'no', '', 'training..batch_size'])
      expect(jsonSchema(key), key).toBeUndefined();
  });
});

describe('what is made from the schema is current', () => {
  it('the validator', () => {
    expect(
      readFileSync(new URL('../generated/validator.ts', import.meta.url), 'utf8'),
      'run: node --import tsx packages/config/src/codegen.ts',
    ).toBe(validatorSource());
    expect(schema).toEqual(bare(JSON.parse(JSON.stringify(ProjectConfigSchema))));
  });

  it('the reference page', () => {
    expect(
      readFileSync(new URL('../../../../docs/config.md', import.meta.url), 'utf8'),
      'run: mdiff config docs --write docs/config.md',
    ).toBe(referencePage());
  });
});

describe('the keys', () => {
  it('are 131 leaves: 119 of the resolved record without the stages, 5 of a stage, 6 aliases, extends', () => {
    const keys = leafKeys();
    expect(keys.length).toBe(new Set(keys).size);
    const stage = keys.filter((key) => key.startsWith('curriculum.stages[]'));
    const record = keys.filter((key) => !stage.includes(key) && !(key in aliases) && key !== 'extends');
    expect([keys.length, record.length, stage.length, Object.keys(aliases).length]).toEqual([131, 119, 5, 6]);
    expect(keys).toContain('extends');
  });

  it('have the reserved words of prototypes nowhere', () => {
    for (const key of leafKeys()) for (const part of key.split('.')) expect(Object.prototype).not.toHaveProperty(part);
  });
});
