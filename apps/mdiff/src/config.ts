import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { addConfigFlags, fileOf, layersOf, table, UsageError, type ConfigFlags } from '@mdiff/cli';
import {
  ConfigError,
  diffConfigs,
  explain,
  explainJson,
  formatIssues,
  jsonSchema,
  loadProject,
  migrate,
  presetNames,
  presetSummaries,
  ProjectConfig,
  referencePage,
  resolvedJson,
  resolvedYaml,
  validateHere,
  valuesByKey,
  type Issue,
} from '@mdiff/config';
import { describeFault, diskError, places } from '@mdiff/folder';
import { type Command, Option } from 'commander';
import type { Io } from './io.js';
import { loadTrainer } from './lazy.js';
import { template } from './template.js';

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

function load(io: Io, argument: string | undefined, flags: ConfigFlags): { config: ProjectConfig; warnings: Issue[]; source: string } {
  const file = fileOf(argument, flags);
  return loadProject({
    ...layersOf(flags),
    ...(file !== undefined && { file }),
    env: io.env,
    cwd: io.cwd,
  });
}

function write(io: Io, file: string, text: string): void {
  try {
    writeFileSync(resolve(io.cwd, file), text);
  } catch (error) {
    throw diskError(file, error, { task: 'write', place: places.file });
  }
}

function init(io: Io, file: string, flags: { force?: boolean }): void {
  const schema = `${basename(file).replace(/\.ya?ml$/, '')}.schema.json`;
  for (const name of [file, join(dirname(file), schema)]) {
    if (!flags.force && existsSync(resolve(io.cwd, name))) throw new UsageError(`${name} exists; use --force to replace it`);
  }
  write(io, file, template(schema));
  write(io, join(dirname(file), schema), `${JSON.stringify(jsonSchema(), null, 2)}\n`);
  io.out(`wrote ${file} and ${join(dirname(file), schema)}; next: mdiff train${file === 'mdiff.yaml' ? '' : ` --config ${file}`}\n`);
}

/** Every warning, with the memory estimate that a training would use here; without the trainer it is the formula's. */
async function warningsOf(config: ProjectConfig): Promise<Issue[]> {
  const trainer = await loadTrainer();
  if (!trainer) return validateHere(config, undefined);
  const shaped = await trainer.shapedHere(config);
  return validateHere(shaped, await trainer.memoryHere(shaped));
}

async function validate(io: Io, file: string | undefined, flags: ConfigFlags & { strict?: boolean; json?: boolean }): Promise<void> {
  let issues: readonly Issue[];
  let source = file ?? flags.config ?? 'configuration';
  try {
    const loaded = load(io, file, flags);
    source = loaded.source;
    const warnings = await warningsOf(loaded.config);
    issues = flags.strict ? warnings.map((issue) => ({ ...issue, severity: 'error' as const })) : warnings;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    issues = error.issues;
  }
  const failed = issues.some((issue) => issue.severity === 'error');
  if (flags.json) io.out(json(issues));
  else if (issues.length > 0) io.err(`${formatIssues(issues)}\n`);
  // The issues are printed above, so the error only sets the exit code.
  if (failed) throw new UsageError('', 2);
  if (!flags.json)
    io.out(`${source}: valid${issues.length === 0 ? '' : `, ${issues.length} ${issues.length === 1 ? 'warning' : 'warnings'}`}\n`);
}

function fileOrPreset(io: Io, name: string): ProjectConfig {
  return presetNames.includes(name) ? ProjectConfig.preset(name) : loadProject({ file: name, env: io.env, cwd: io.cwd }).config;
}

function runMigrate(io: Io, file: string, flags: { write?: boolean; json?: boolean }): void {
  let text: string;
  try {
    text = readFileSync(resolve(io.cwd, file), 'utf8');
  } catch (error) {
    const place = { ...places.file, elsewhere: 'give the path of a configuration' };
    throw new UsageError(`cannot read ${file}: ${describeFault(error, { task: 'read', place }) ?? String(error)}`);
  }
  const result = migrate(text, file, io.env);
  if (flags.write && result.moved.length > 0) write(io, file, result.text);
  if (flags.json) return io.out(json({ file, ...result }));
  if (!flags.write) io.out(result.text);
  io.err(result.moved.length === 0 ? `${file}: no aliases\n` : result.moved.map((line) => `${file}: ${line}\n`).join(''));
}

function diff(io: Io, names: readonly [string, string], flags: { json?: boolean }): void {
  const [a, b] = names.map((name) => fileOrPreset(io, name)) as [ProjectConfig, ProjectConfig];
  if (!flags.json)
    return io.out(
      diffConfigs(a, b)
        .map((line) => `${line}\n`)
        .join(''),
    );
  const [before, after] = [valuesByKey(a), valuesByKey(b)];
  const keys = Object.keys(before).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  io.out(json(keys.map((key) => ({ key, a: before[key], b: after[key] }))));
}

function presets(io: Io, flags: { json?: boolean }): void {
  const rows = presetSummaries();
  io.out(flags.json ? json(rows) : table([['preset', 'sets', ''], ...rows.map(({ name, sets, about }) => [name, sets, about])]));
}

function docs(io: Io, flags: { write?: string; check?: string }): void {
  const page = referencePage();
  if (flags.write !== undefined) write(io, flags.write, page);
  else if (flags.check === undefined) io.out(page);
  else if (!existsSync(resolve(io.cwd, flags.check)) || readFileSync(resolve(io.cwd, flags.check), 'utf8') !== page) {
    throw new UsageError(`${flags.check}: the page differs from what mdiff generates; run "mdiff config docs --write ${flags.check}"`, 1);
  }
}

/** `mdiff config …`: needs no generator, and the trainer only for the memory estimate of this machine. */
export function addConfig(root: Command, io: Io): void {
  const config = root.command('config').description('write, check, print, compare and explain configurations');
  config
    .command('init')
    .description('write a commented configuration to start from, and the schema that editors use')
    .argument('[file]', 'file to write', 'mdiff.yaml')
    .option('--force', 'replace existing files')
    .action((file: string, flags) => init(io, file, flags));
  addConfigFlags(config.command('validate').description('report every error and warning'))
    .argument('[file]')
    .option('--strict', 'treat warnings as errors')
    .option('--json', 'print the issues as JSON')
    .action((file: string | undefined, flags) => validate(io, file, flags));
  addConfigFlags(config.command('print').description('print the resolved configuration with the origin of each value'))
    .argument('[file]')
    .option('--json', 'print JSON')
    .action((file: string | undefined, flags: ConfigFlags & { json?: boolean }) => {
      const loaded = load(io, file, flags);
      io.out(flags.json ? resolvedJson(loaded.config) : resolvedYaml(loaded.config));
    });
  config
    .command('diff')
    .description('list the keys in which two configurations differ')
    .argument('<a>', 'file or preset')
    .argument('<b>', 'file or preset')
    .option('--json', 'print each key with both values as JSON')
    .action((a: string, b: string, flags) => diff(io, [a, b], flags));
  config
    .command('presets')
    .description('list the presets that --preset and extends take')
    .option('--json', 'print JSON')
    .action((flags) => presets(io, flags));
  addConfigFlags(
    config.command('explain').description('show the value of a key, its origin, the values it overrides, its type and its meaning'),
  )
    .argument('<key>')
    .option('--json', 'print JSON')
    .action((key: string, flags: ConfigFlags & { json?: boolean }) => {
      const loaded = load(io, undefined, flags).config;
      io.out(flags.json ? explainJson(loaded, key) : `${explain(loaded, key)}\n`);
    });
  config
    .command('schema')
    .description('print the JSON Schema (draft-07) of a configuration or of one key')
    .argument('[key]')
    .action((key: string | undefined) => {
      const schema = jsonSchema(key);
      if (schema === undefined) throw new UsageError(`${key}: no configuration key has this name; "mdiff config docs" lists them`);
      io.out(`${JSON.stringify(schema, null, 2)}\n`);
    });
  config
    .command('docs')
    .description('print the reference page')
    .addOption(new Option('--write <file>', 'write it to a file').conflicts('check'))
    .option('--check <file>', 'fail if a file differs from the page')
    .action((flags) => docs(io, flags));
  config
    .command('migrate')
    .description('replace aliases by their canonical keys and keep the comments')
    .argument('<file>')
    .option('--write', 'change the file instead of printing')
    .option('--json', 'print the moved keys and the text as JSON')
    .action((file: string, flags) => runMigrate(io, file, flags));
}
