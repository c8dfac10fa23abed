import { jsonSchema, ProjectConfig } from '@mdiff/config';
import { sampling, type Range, type SamplingKey } from '@mdiff/config/sampling';
import { generate, loadModel } from '@mdiff/generate';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from './command.test.util.js';
import { fixture } from './fixture.test.util.js';
import { program } from './program.js';
import { completionSchema } from './server/schema.js';
import { createServer } from './server/server.js';

// The four places that read the table of sampling options: each key is tried in all of those that know it.
const model = await loadModel(fixture);
const server = createServer({ models: [{ name: model.name, model: Promise.resolve(model) }] });
afterAll(async () => {
  await server.close();
  await model.close();
});

/** Values just outside a range, and one of another type. */
function outside({ type, minimum, exclusiveMinimum, maximum, enum: choices, items, maxItems }: Range): unknown[] {
  if (choices) return ['nothing of the kind', 1];
  if (items) return [Array<string>(maxItems! + 1).fill('a'), ['a'.repeat(items.maxLength + 1)], 'a', [1]];
  if (type === 'boolean') return ['yes', 1];
  const low = exclusiveMinimum ?? minimum! - (type.includes('integer') ? 1 : 1e-6);
  return [low, maximum! + (type.includes('integer') ? 1 : 1e-6), 'a', ...(type.includes('integer') ? [minimum! + 0.5] : [])];
}

const table = Object.entries(sampling) as [
  SamplingKey,
  { range: Range; default: unknown; option: string; flag?: string; parameter?: string },
][];

describe.each(table)('%s', (key, { range, default: value, option }) => {
  it('has its range and default in the schema of the configuration, which refuses the rest', () => {
    expect(jsonSchema(`generation.${key}`)).toMatchObject({ ...range, default: value });
    for (const bad of outside(range)) {
      expect(() => ProjectConfig.parse('{}', { overrides: { generation: { [key]: bad } } }), JSON.stringify(bad)).toThrow(
        `generation.${key}`,
      );
    }
  });

  it('is an option of the library, which refuses the rest', async () => {
    for (const bad of outside(range)) {
      await expect(generate(model, { [option]: bad }), JSON.stringify(bad)).rejects.toMatchObject({
        code: 'MDIFF_GENERATE',
        message: expect.stringMatching(`^${option}: expected `) as string,
      });
    }
  });
});

it.each(table.filter(([, { flag }]) => flag))('%s has its flag, and the command refuses the rest', async (_, { range, option, flag }) => {
  const command = program().commands.find((candidate) => candidate.name() === 'generate')!;
  const flagOption = command.options.find((candidate) => candidate.short === flag || candidate.long === flag);
  expect(flagOption?.attributeName()).toBe(option);
  const joined = flag!.startsWith('--') ? `${flag}=` : flag;
  for (const bad of outside(range))
    expect(await run('generate', fixture, `${joined}${String(bad)}`), String(bad)).toMatchObject({ code: 2, out: '' });
});

it.each(table.filter(([, { parameter }]) => parameter))(
  '%s has its parameter in a request, and the server refuses the rest',
  async (_, { range: own, parameter }) => {
    // −1 asks a server for a random seed.
    const range = parameter === 'seed' ? { ...own, minimum: -1 } : own;
    const properties: Record<string, Range> = completionSchema.properties as never;
    const { type, items, maximum, maxItems, ...rest } = properties[parameter!]!;
    expect(type).toContain('null');
    expect(type).toEqual(expect.arrayContaining([range.type].flat()));
    // The server may ask for less than the table allows, never for more.
    if (range.items) expect([items!.maxLength <= range.items.maxLength, maxItems! <= range.maxItems!]).toEqual([true, true]);
    else if (range.enum) expect(rest).toEqual({ enum: [...range.enum, null] });
    else expect({ ...rest, below: maximum! <= range.maximum! }).toEqual({ ...numbers(range), below: true });
    // One stop string may stand without a list.
    for (const bad of outside(range).filter((value) => parameter !== 'stop' || value !== 'a')) {
      const answer = await server.inject({ method: 'POST', url: '/v1/completions', payload: { [parameter!]: bad } });
      expect(answer.statusCode, JSON.stringify(bad)).toBe(400);
      expect(answer.json()).toMatchObject({ error: { param: parameter } });
    }
  },
);

const numbers = ({ minimum, exclusiveMinimum }: Range): object => ({
  ...(minimum === undefined ? {} : { minimum }),
  ...(exclusiveMinimum === undefined ? {} : { exclusiveMinimum }),
});

it('no flag, option or parameter appears twice', () => {
  for (const spelling of ['option', 'flag', 'parameter'] as const) {
    const names = table.map(([, row]) => row[spelling]).filter((name) => name !== undefined);
    expect(new Set(names).size).toBe(names.length);
  }
});
