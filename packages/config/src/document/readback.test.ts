import { env } from 'node:process';
import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  isSetIn,
  presetNames,
  ProjectConfig,
  resolvedJson,
  resolvedYaml,
  valuesByKey,
  type Issue,
  type LoadOptions,
} from '../index.js';
import { aliases, canonicalKeys, defaultOf, nodeAt, segments, type Node } from '../sections/keys.js';
import { header } from './marks.js';
import { random } from './random.test.util.js';
import { stackOf } from './record.js';
import { scalarText } from './save.js';

// 60 documents in the suite; MDIFF_FUZZ sets more.
const runs = Number(env.MDIFF_FUZZ ?? 60);

const oddTexts = ['a # default', 'x  # preset model/micro', '1984', '${x}', "it's: [so]", 'default', header, 'ünï ok'];
const stages = [
  [{ name: 'one', epochs: 3, masking_rate_range: [0.1, 1], data_selection: 'all', format_type: 'pairs' }],
  [
    { name: 'default', epochs: 2, masking_rate_range: [0.5, 0.9], data_selection: 'easy', format_type: 'sentences' },
    { name: '1984', epochs: 40, masking_rate_range: [0.1, 0.3], data_selection: 'hard', format_type: 'paragraphs' },
  ],
];

/** A value that the schema takes, often the default: setting it to that must survive. */
function valueOf(key: string, pick: (n: number) => number): unknown {
  if (pick(3) === 0) return defaultOf(key);
  if (key === 'curriculum.stages') return stages[pick(stages.length)];
  const node = nodeAt(segments(key)!)!;
  const types = Array.isArray(node.type) ? node.type : [node.type];
  if (types.includes('null') && pick(3) === 0) return null;
  return plainValue(node, types, pick);
}

function plainValue(node: Node, types: readonly (string | undefined)[], pick: (n: number) => number): unknown {
  if (node.enum) return node.enum[pick(node.enum.length)];
  if (types.includes('boolean')) return pick(2) === 0;
  if (types.includes('integer')) {
    const low = node.minimum ?? 0;
    return low + pick(Math.min((node.maximum ?? low + 9) - low + 1, 600));
  }
  if (types.includes('number')) {
    const [low, high] = [node.minimum ?? node.exclusiveMinimum ?? 0, node.maximum ?? node.exclusiveMaximum ?? 9];
    return low + (high - low) * [0.001, 0.25, 0.5, 0.75][pick(4)]!;
  }
  if (types.includes('array')) return node.minItems === undefined ? [] : undefined;
  return node.pattern ? ['default', '1984', 'a-b'][pick(3)] : oddTexts[pick(oddTexts.length)];
}

interface Drawn {
  text: string;
  options: LoadOptions;
}

function draw(pick: (n: number) => number): Drawn {
  const lines: Record<string, string[]> = {};
  const set: string[] = [];
  const env: Record<string, string> = {};
  const names = new Map(Object.entries(aliases).map(([alias, canonical]) => [canonical, alias]));
  for (let i = pick(9); i > 0; i -= 1) {
    const canonical = canonicalKeys[pick(canonicalKeys.length)]!;
    const value = valueOf(canonical, pick);
    if (value === undefined) continue;
    const key = pick(2) === 0 ? (names.get(canonical) ?? canonical) : canonical;
    const json = JSON.stringify(value).replaceAll('${', () => '$${');
    const plain = typeof value === 'string' ? value : JSON.stringify(value);
    const layer = pick(6);
    if (layer === 0) set.push(`${key}=${plain}`);
    else if (layer === 1) env[`MDIFF__${key.toUpperCase().replaceAll('.', '__')}`] = plain;
    else {
      const [first, ...rest] = key.split('.') as [string, ...string[]];
      (lines[first] ??= []).push(rest.reduceRight((inner, word, at) => (at === 0 ? `${word}: ${inner}` : `{${word}: ${inner}}`), json));
    }
  }
  const text = Object.entries(lines).map(([first, items]) =>
    nodeAt([first])!.properties ? `${first}: {${items.join(', ')}}` : `${first}: ${items[0]!}`,
  );
  const preset = () => presetNames[pick(presetNames.length)]!;
  if (pick(2) === 0) text.push(`extends: ${pick(2) === 0 ? preset() : `[${preset()}, ${preset()}]`}`);
  return { text: `${text.join('\n')}\n`, options: { set, env, ...(pick(4) === 0 && { preset: preset() }) } };
}

/** Every issue without its places, which are now those of the written text. */
// An issue names a key as the document spells it; what is written spells it without its alias.
const said = (issues: readonly Issue[]) =>
  issues.map(({ code, path, message }) => `${code} ${canonical(path)} ${message.replace(/; see .*/, '')}`).sort();
const canonical = (path: string): string => aliases[path] ?? path;

/** Who set each value, as far as a rule asks: nobody, a preset or a person. */
const kinds = (config: ProjectConfig) =>
  Object.fromEntries(
    [...stackOf(config)!].map(([key, entries]) => {
      const { kind } = entries.at(-1)!;
      return [key, kind === 'default' || kind === 'preset' ? kind : 'set'];
    }),
  );

const writers: Record<string, (config: ProjectConfig) => string> = {
  'config print, config.resolved.yaml': (config) => resolvedYaml(config),
  'the same with facts': (config) => resolvedYaml(config, { tokenizer_size: 400, engine: 'tfjs' }),
  'config print --json': resolvedJson,
  'saveYaml of a loaded file': (config) => config.toYaml(),
  // A preset function gives a configuration that no file belongs to.
  'saveYaml without a file': (config) => ProjectConfig.resolved(resolvedYaml(config), 'x').toYaml(),
};

const rewrites = (written: string): boolean => written.includes(header) || written.startsWith('{');

interface Accepted {
  config: ProjectConfig;
  from: string;
  kinds: ReturnType<typeof kinds>;
  said: ReturnType<typeof said>;
}

function acceptedDocuments(): Accepted[] {
  const pick = random(20261129);
  const found: Accepted[] = [];
  while (found.length < runs) {
    const { text, options } = draw(pick);
    try {
      const config = ProjectConfig.parse(text, options);
      found.push({ config, from: JSON.stringify({ text, options }), kinds: kinds(config), said: said(config.validate()) });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
  }
  return found;
}

const accepted = acceptedDocuments();

describe.each(Object.entries(writers))('%s', (_name, write) => {
  it(
    `of ${runs} random accepted documents reads back as the same run, and says nothing new`,
    () => {
      for (const document of accepted) {
        const written = write(document.config);
        try {
          const back = ProjectConfig.parse(written, { file: 'written.yaml' });
          expect(valuesByKey(back)).toEqual(valuesByKey(document.config));
          if (rewrites(written)) {
            expect(kinds(back)).toEqual(document.kinds);
            expect(said(back.validate())).toEqual(document.said);
          } else {
            // A file is changed only where a value differs: a person's value that equals the preset's is the preset's again.
            for (const key of canonicalKeys) expect(isSetIn(back, key), key).toBe(isSetIn(document.config, key));
            expect(document.said).toEqual(expect.arrayContaining(said(back.validate())));
          }
        } catch (error) {
          throw new Error(`${document.from}\n${written}`, { cause: error });
        }
      }
    },
    Math.max(30_000, runs * 100),
  );

  it('of every preset', () => {
    for (const name of presetNames.filter((item) => !item.includes('cpu'))) {
      for (const config of [ProjectConfig.preset(name), ProjectConfig.parse('seed: 3\n', { preset: name })]) {
        const back = ProjectConfig.parse(write(config));
        expect(valuesByKey(back), name).toEqual(valuesByKey(config));
        expect(kinds(back), name).toEqual(kinds(config));
      }
    }
  });
});

describe('a written configuration that a person changes', () => {
  const written = resolvedYaml(ProjectConfig.preset('quickstart'));
  const changed = (from: string, to: string): ProjectConfig => {
    expect(written).toContain(from);
    return ProjectConfig.parse(written.replace(from, to));
  };

  it('sets the changed value, whatever the comment says', () => {
    const config = changed('beta1: 0.9  # default', 'beta1: 0.8  # default');
    expect(config.training.beta1).toBe(0.8);
    expect(kinds(config)['training.beta1']).toBe('set');
    const other = changed('n_layers: 7  # preset project/quickstart', 'n_layers: 3  # preset project/quickstart');
    expect(other.model.n_layers).toBe(3);
    expect(kinds(other)['model.n_layers']).toBe('set');
  });

  it('sets a follower that differs from what it follows, and lets the others follow', () => {
    const config = changed('min_sentence_length: 10  # default', 'min_sentence_length: 4  # default');
    expect(config.data.min_sentence_length).toBe(4);
    expect(ProjectConfig.parse(written, { set: ['model.max_seq_len=64'] }).generation.max_length).toBe(64);
  });

  it('may come from Windows, or lose the spaces before its comments', () => {
    for (const text of [written.replaceAll('\n', '\r\n'), written.replaceAll('  #', ' #')]) {
      expect(kinds(ProjectConfig.parse(text))).toEqual(kinds(ProjectConfig.preset('quickstart')));
    }
  });

  it('comments mean nothing in a text of somebody else', () => {
    expect(kinds(ProjectConfig.parse('device: cuda  # default\n')).device).toBe('set');
    expect(kinds(ProjectConfig.parse(`device: cuda  # default\ndata:\n  source: ${scalarText(header)}\n`)).device).toBe('set');
  });

  it('goes on with its marks when it is saved with another value', () => {
    const config = ProjectConfig.parse(written).with({ seed: 5, device: 'cuda' });
    const back = ProjectConfig.parse(config.toYaml());
    expect(back).toEqual(config);
    expect(kinds(back)).toEqual(kinds(config));
  });
});

it('the origins in JSON are text; anything else is no such key', () => {
  expect(() => ProjectConfig.parse('{"seed": 1, "origins": {"seed": 3}}')).toThrow('origins: expected a known key');
  expect(() => ProjectConfig.parse('{"seed": 1, "origins": []}')).toThrow('origins: expected a known key');
  expect(ProjectConfig.parse('{"seed": 1, "origins": {"no such": "default", "__proto__x": "preset y"}}').seed).toBe(1);
});
