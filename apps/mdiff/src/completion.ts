// Completion in the shell: `mdiff complete bash` prints a script, which asks `mdiff complete -- WORDS…` at each press of the tab key.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ShellCompDirective, type Complete, type RootCommand } from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import type { CommandLine } from '@mdiff/cli';
import { leafKeys, presetSummaries } from '@mdiff/config';

const shells = ['bash', 'zsh', 'fish', 'powershell'];

const presets = (complete: Complete): void => {
  for (const { name, sets, about } of presetSummaries()) complete(name, `${sets}: ${about}`);
};

const keys = (complete: Complete): void => {
  for (const key of leafKeys()) complete(`${key}=`, '');
};

/** Model folders where training writes them. */
export function modelFolders(cwd = '.'): string[] {
  const runs = join(cwd, 'outputs');
  if (!existsSync(runs)) return [];
  return readdirSync(runs)
    .filter((name) => existsSync(join(runs, name, 'model', 'manifest.json')))
    .map((name) => `outputs/${name}/model`);
}

/** Adds `mdiff complete` to a tree that holds every command. */
export function addCompletion(root: CommandLine): void {
  const completion = tab(root);
  // tab lets no shell complete file names; mdiff lets it wherever neither commands nor values are known.
  let directive = ShellCompDirective.ShellCompDirectiveNoFileComp;
  Object.defineProperty(completion, 'directive', { get: () => directive, set: () => undefined });
  const files = (): void => {
    directive = ShellCompDirective.ShellCompDirectiveDefault;
  };
  const folders = (complete: Complete): void => {
    files();
    for (const folder of modelFolders()) complete(folder, 'model folder');
  };
  const settings = (complete: Complete): void => {
    directive = ShellCompDirective.ShellCompDirectiveNoFileComp | ShellCompDirective.ShellCompDirectiveNoSpace;
    keys(complete);
  };
  addValues(completion, { files, folders, settings });
}

type Values = Readonly<Record<'files' | 'folders' | 'settings', (complete: Complete) => void>>;

function addValues(completion: RootCommand, { files, folders, settings }: Values): void {
  const options: Readonly<Record<string, (complete: Complete) => void>> = { preset: presets, set: settings, model: folders };
  const names: Readonly<Record<string, (complete: Complete) => void>> = {
    folder: folders,
    engine: (complete) => {
      complete('tensorflow', 'native TensorFlow');
      complete('mpi', 'runs on several machines');
    },
    shell: (complete) => shells.forEach((shell) => complete(shell, '')),
    key: (complete) => leafKeys().forEach((key) => complete(key, '')),
  };
  const withPresets = (complete: Complete): void => {
    files(complete);
    presets(complete);
  };
  for (const [path, command] of completion.commands) {
    for (const [name, option] of command.options) if (!option.isBoolean) option.handler = options[name] ?? files;
    for (const [name, argument] of command.arguments) {
      argument.handler = names[name] ?? files;
      if (path === 'config diff') argument.handler = withPresets;
    }
  }
}
