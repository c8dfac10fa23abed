import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { ProjectConfig, type ProjectInput } from '../index.js';

/** A tool that knows nothing of mdiff, and takes any schema of this kind. */
function checked<Schema extends StandardSchemaV1>(schema: Schema, value: unknown): StandardSchemaV1.InferOutput<Schema> {
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) throw new Error('expected a schema that answers at once');
  if (result.issues) throw new Error(result.issues.map(({ message, path }) => `${path?.join('/')}: ${message}`).join('\n'));
  return result.value;
}

describe('ProjectConfig as a Standard Schema', () => {
  it('has the types of the specification', () => {
    expectTypeOf(ProjectConfig).toExtend<StandardSchemaV1<ProjectInput, ProjectConfig>>();
    expectTypeOf<StandardSchemaV1.InferOutput<typeof ProjectConfig>>().toEqualTypeOf<ProjectConfig>();
    expectTypeOf<StandardSchemaV1.InferInput<typeof ProjectConfig>>().toEqualTypeOf<ProjectInput>();
  });

  it('gives the configuration, with defaults', () => {
    expect(checked(ProjectConfig, { training: { batch_size: 4 } }).training).toMatchObject({
      batch_size: 4,
      learning_rate: expect.any(Number) as number,
    });
  });

  it('gives every issue with its path, a number for a place in a list', () => {
    const result = ProjectConfig['~standard'].validate({ training: { batch_size: 0 }, curriculum: { stages: [{ name: 5 }] }, modle: {} });
    const paths = result.issues!.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining([['training', 'batch_size'], ['curriculum', 'stages', 0, 'name'], ['modle']]));
    expect(result.issues!.find(({ path }) => path[0] === 'modle')!.message).toContain('did you mean "model"?');
  });

  it.each([null, undefined, 5, 'quickstart', [[]]])('refuses %j, which is no map', (value) => {
    const shown = value === undefined ? undefined : ProjectConfig['~standard'].validate(value);
    // Nothing at all is a configuration of defaults, as projectConfig() is.
    if (shown === undefined) expect(checked(ProjectConfig, undefined).seed).toBe(ProjectConfig.default().seed);
    else expect(shown.issues).toEqual([{ path: [], message: expect.stringMatching(/^expected a map, got /) as string }]);
  });
});
