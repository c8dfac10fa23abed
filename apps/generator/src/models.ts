import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { addConfigFlags, layersOf, print, settingsOf, table, type ConfigFlags } from '@mdiff/cli';
import { loadProject } from '@mdiff/config';
import { describeModel, type ModelDescription } from '@mdiff/folder/node';
import type { Command } from 'commander';
import { installed, modelPath } from './graphs.js';

interface ModelsFlags extends ConfigFlags {
  json?: boolean;
}

/** Packages that are models; those that are not installed are left out. */
const PACKAGES = ['base-en'];
/** Folders of a run that may hold a model: its own, and the snapshot of `mdiff export`. */
const PLACES = ['model', 'snapshot'];

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

async function inRuns(outputDir: string): Promise<string[]> {
  const entries = await readdir(outputDir, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return names.sort().flatMap((name) => PLACES.map((place) => join(outputDir, name, place)).filter((path) => existsSync(path)));
}

const plain = ({ path, name, config, facts, bytes, writes }: ModelDescription): object => ({ name, path, writes, bytes, facts, config });

/** The figure of a card, without what it says of its kind: `1.987`. */
const figureOf = ({ facts }: ModelDescription): string => {
  const bits = /^[\d.]+/.exec(facts['held-out bits per byte'] ?? '')?.[0];
  return bits === undefined ? '' : `${bits} bits/byte`;
};

async function list(flags: ModelsFlags): Promise<void> {
  const { output_dir: outputDir } = loadProject({ ...layersOf(flags), set: settingsOf(flags.set, []) }).config;
  const models: ModelDescription[] = [];
  for (const path of [...PACKAGES.flatMap((name) => installed(name) ?? []), ...(await inRuns(outputDir))]) {
    await describeModel(path).then(
      (model) => models.push(model),
      ({ message }: Error) => process.stderr.write(`${message}\n`),
    );
  }
  if (flags.json) return print(`${JSON.stringify(models.map(plain))}\n`);
  if (models.length === 0) return print(`${outputDir}: no models; npx mdiff train <book> makes one\n`);
  print(
    table(
      models.map((model) => [
        model.name,
        model.facts['text'] ?? '',
        figureOf(model),
        megabytes(model.bytes),
        model.writes ? 'writes' : 'writes with @mdiff/trainer',
        model.path,
      ]),
    ),
  );
}

async function show(model: string, flags: Pick<ModelsFlags, 'json'>): Promise<void> {
  const described = await describeModel(modelPath(model));
  if (flags.json) return print(`${JSON.stringify(plain(described))}\n`);
  const { name, path, bytes, writes, facts } = described;
  print(
    table([
      ['name', name],
      ['folder', `${path}, ${megabytes(bytes)}`],
      ['use', `npx mdiff generate ${model}`],
      // Weights without a graph.
      ...(writes ? [] : [['', 'needs @mdiff/trainer, which writes its graph at the first use']]),
      ['fine-tune', `npx mdiff train <book> --set model.init_from=${model}`],
      ...Object.entries(facts),
    ]),
  );
}

/** `mdiff models`: the model folders that are here. */
export function addModels(root: Command): void {
  const models = root
    .command('models')
    .description('list and show the model folders in output_dir, and the base models that are installed');
  addConfigFlags(models.command('list').description('one line a model: text, held-out bits/byte, size, folder'), { only: 'output_dir' })
    .option('--json', 'print JSON')
    .action(list);
  models
    .command('show')
    .description('what the card of a model says')
    .argument('<model>', 'model folder, or the name of an installed one, as base-en')
    .option('--json', 'print JSON')
    .action(show);
}
