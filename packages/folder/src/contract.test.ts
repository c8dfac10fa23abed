import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FILES, MODEL_TYPE, RESERVED, modelSection, toFolderConfig } from './contract.js';
import { readFolder } from './read.js';
import { fixture } from './read.test.util.js';

describe('the contract', () => {
  it('writes config.json and takes the section `model` out of it again', () => {
    const model = { vocab_size: 300, max_seq_len: 64, shift_head: true, mask_token_id: RESERVED.mask, d_model: 16 };
    const config = toFolderConfig(model, 'whales');
    expect(config).toMatchObject({
      model_type: MODEL_TYPE,
      format_version: 1,
      experiment_name: 'whales',
      pad_token_id: 1,
      bos_token_id: 2,
      eos_token_id: 3,
      sep_token_id: 4,
    });
    expect(modelSection(config)).toEqual(model);
  });

  it.each(['shifted', 'plain'] as const)('is that of the folder %s, which Python has written', async (name) => {
    const { config } = await readFolder(fixture(name));
    const { mask_token_id: mask, pad_token_id: pad, bos_token_id: bos, eos_token_id: eos, sep_token_id: sep } = config;
    expect({ mask, pad, bos, eos, sep }).toEqual(RESERVED);
  });

  it('says what a page may read in docs/architecture.md', () => {
    const page = readFileSync(new URL('../../../docs/architecture.md', import.meta.url), 'utf8');
    for (const file of Object.values(FILES)) expect(page).toContain(`| \`${file}\` |`);
    for (const [name, id] of Object.entries(RESERVED)) expect(page).toContain(`\`[${name.toUpperCase()}]\` ${id}`);
  });
});

describe('the main entry', () => {
  /** Every file that `file` imports, itself included. */
  function reach(file: string, files = new Map<string, string>()): Map<string, string> {
    if (files.has(file)) return files;
    const source = readFileSync(new URL(file, import.meta.url), 'utf8');
    files.set(file, source);
    for (const [, next] of source.matchAll(/from '(\.\/\w+)\.js'/g)) reach(`${next}.ts`, files);
    return files;
  }

  it('uses nothing that a browser lacks', () => {
    const files = reach('./index.ts');
    expect(files.size).toBeGreaterThan(4);
    for (const [file, source] of files) expect(source.match(/'node:\w+|\bBuffer\b|\bprocess\.|__dirname/g) ?? [], file).toEqual([]);
  });
});
