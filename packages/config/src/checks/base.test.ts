import { describe, expect, it } from 'vitest';
import { type ConfigError, ProjectConfig, formatIssue, shapedBy } from '../index.js';

const folder = { ...ProjectConfig.preset('micro').model, n_layers: 5, max_seq_len: 256, vocab_size: 9000 };
const parse = (text: string): ProjectConfig => ProjectConfig.parse(text, { file: 'c.yaml' });
const problems = (text: string, shape: Record<string, unknown> = folder): string[] => {
  try {
    shapedBy(parse(text), shape);
    return [];
  } catch (error) {
    return (error as ConfigError).issues.map((issue) => `${issue.code} ${formatIssue(issue)}`);
  }
};
const head = 'extends: quickstart\nmodel:\n  init_from: base-en\n';

describe('model.init_from', () => {
  it('takes the shape of the folder where only presets say otherwise, and the rest of the section stays', () => {
    const { model, generation } = shapedBy(parse(`${head}  dropout: 0.3\n`), folder);
    expect(model).toMatchObject({ n_layers: 5, max_seq_len: 256, vocab_size: 9000, dropout: 0.3, init_from: 'base-en' });
    // The window follows the rows.
    expect(generation.max_length).toBe(256);
  });

  it('names both places of every key that is set to another shape', () => {
    expect(problems(`${head}  n_layers: 4\n  d_model: 256\n  conv_width: 3\ntokenizer: {path: t.json}\n`)).toEqual([
      'S8 c.yaml:4:13 model.n_layers: expected 5 (model.init_from "base-en"), got 4; leave it out, or set model.init_from: null to start from random weights; see c.yaml:3:14 model.init_from',
      'S8 c.yaml:6:15 model.conv_width: expected 5 (model.init_from "base-en"), got 3; leave it out, or set model.init_from: null to start from random weights; see c.yaml:3:14 model.init_from',
      'S8 c.yaml:7:19 tokenizer.path: expected null (model.init_from "base-en"), got "t.json"; leave it out, or set model.init_from: null to start from random weights; see c.yaml:3:14 model.init_from',
    ]);
  });

  it('allows a shorter row unless positions are learned, and no longer one', () => {
    expect(shapedBy(parse(`${head}  max_seq_len: 64\n`), folder).model.max_seq_len).toBe(64);
    expect(problems(`${head}  max_seq_len: 512\n`)).toEqual([
      'S8 c.yaml:4:16 model.max_seq_len: expected an integer <= 256 (model.init_from "base-en"), got 512; leave it out, or set model.init_from: null to start from random weights; see c.yaml:3:14 model.init_from',
    ]);
    expect(problems(`${head}  max_seq_len: 64\n`, { ...folder, pos_encoding: 'learned' })).toEqual([
      'S8 c.yaml:4:16 model.max_seq_len: expected 256 (model.init_from "base-en"), got 64; leave it out, or set model.init_from: null to start from random weights; see c.yaml:3:14 model.init_from',
    ]);
  });

  it('lets rules about a shape wait for the folder, and then applies them', () => {
    const long = `${head}generation: {max_length: 200}\n`;
    expect(parse(long).validate()).toEqual([]);
    expect(shapedBy(parse(long), folder).generation.max_length).toBe(200);
    expect(() => shapedBy(parse(long), { ...folder, max_seq_len: 128 })).toThrow(
      'generation.max_length: expected an integer <= model.max_seq_len (128), got 200',
    );
    // A shape that is set is checked at once.
    expect(() => parse(`${head}  max_seq_len: 128\ngeneration: {max_length: 200}\n`)).toThrow(
      'expected an integer <= model.max_seq_len (128)',
    );
  });

  it('makes the keys idle that only random weights and a new tokenizer need', () => {
    const text = `${head}  init_std: 0.1\ntokenizer: {type: bpe}\n`;
    expect(parse(text).validate().map(formatIssue)).toEqual([
      'c.yaml:4:13 model.init_std: warning: not used while model.init_from is "base-en"; see c.yaml:3:14 model.init_from',
      'c.yaml:5:19 tokenizer.type: warning: not used while model.init_from is "base-en"; see c.yaml:3:14 model.init_from',
    ]);
  });
});
