import { leafKeys } from '@mdiff/config';
import type { ConfigError, ProjectConfig, ProjectInput } from '@mdiff/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { knobs } from './knobs.js';
import type { Knob } from './knobs.js';
import { base, begin, end, learnt, network, told, written } from './knobs.test.util.js';
import type { Seen } from './knobs.test.util.js';

beforeAll(begin);
afterAll(end);

/** The input that sets one key; a stage key in the last stage. */
function setting(config: ProjectConfig, key: string, value: unknown): ProjectInput {
  const word = /^curriculum\.stages\[\]\.(\w+)$/.exec(key)?.[1];
  if (word === undefined) return key.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as ProjectInput;
  const { stages } = config.curriculum;
  return { curriculum: { stages: stages.map((stage, i) => (i === stages.length - 1 ? { ...stage, [word]: value } : stage)) } };
}

const kind = <K extends string>(field: K): Extract<Knob, Record<K, unknown>>[] =>
  knobs.filter((knob) => field in knob) as Extract<Knob, Record<K, unknown>>[];
const before = ({ from }: { from?: ProjectInput }): ProjectConfig => base.with(from ?? {});

describe('the table', () => {
  it('has one row for each key, and no others', () => {
    expect(knobs.map(({ key }) => key).sort()).toEqual(leafKeys().sort());
  });

  it('is not fooled by chance: nothing changed, nothing observed', async () => {
    // Runs are remembered by their configuration; another budget, which changes nothing here, makes them anew.
    const again = base.with({ hardware: { max_vram_gb: 9 } });
    const all = (seen: Seen): unknown => seen;
    for (const see of [told(all), learnt(all), written, network]) expect(await see(again)).toEqual(await see(base));
  });
});

describe('changing it shows', () => {
  it.each(kind('observe').map((knob) => [knob.key, knob] as const))('%s', async (key, knob) => {
    const config = before(knob);
    const changed = config.with(setting(config, key, knob.to));
    const [old, now] = [await knob.observe(config), await knob.observe(changed)];
    if (knob.way) {
      expect(knob.way === 'up' ? now : old).toBeGreaterThan((knob.way === 'up' ? old : now) as number);
    } else if (knob.each) {
      for (const [name, value] of Object.entries(now as object)) expect(value, name).not.toEqual((old as Record<string, unknown>)[name]);
    } else {
      expect(now).not.toEqual(old);
    }
  });

  it.each(kind('refused').map((knob) => [knob.key, knob] as const))('%s is refused', (key, knob) => {
    const config = before(knob);
    let codes: string[] = [];
    try {
      config.with(setting(config, key, knob.to));
    } catch (error) {
      codes = (error as ConfigError).issues.map(({ code }) => code);
    }
    expect(codes).toEqual([knob.refused]);
  });
});
