import { readFileSync } from 'node:fs';
import { CommandLine, reportFailure } from '@mdiff/cli';
import { addConfig } from './config.js';
import { processIo, type Io } from './io.js';
import { appOf, apps, forward, loadApp } from './lazy.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

function rootOf(io: Io): CommandLine {
  const root = new CommandLine('mdiff').description('Small masked-diffusion language models of one book').exitOverride();
  root.version(version, '-V, --version', 'print the version');
  root.configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) });
  root.addHelpText('after', '\nmdiff config presets lists the presets; mdiff help COMMAND shows the options of a command.');
  addConfig(root, io);
  return root;
}

/** The whole command line. It loads trainer and generator only when one of their commands runs. */
export function program(io: Io = processIo()): CommandLine {
  const root = rootOf(io);
  for (const app of apps) {
    for (const [name, description] of Object.entries(app.commands)) {
      root
        .command(name)
        .description(description)
        .helpOption(false)
        .allowUnknownOption()
        .allowExcessArguments()
        .argument('[arguments...]')
        .action((_arguments: string[], _flags: object, command: CommandLine) => forward(app, [name, ...command.args]));
    }
  }
  root.command('complete').description('print a script for completion in bash, zsh, fish or powershell').argument('<shell>');
  return root;
}

/** The same with the commands of every installed app in place, for completion and for tests that walk the tree. */
export async function wholeProgram(io: Io = processIo()): Promise<CommandLine> {
  const root = rootOf(io);
  for (const app of apps) {
    const loaded = await loadApp(app).catch(() => undefined);
    for (const command of loaded?.commands ?? []) root.addCommand(command.copyInheritedSettings(root));
  }
  // The library is loaded only here: no other command needs it.
  const { addCompletion } = await import('./completion.js');
  addCompletion(root);
  return root;
}

/** `help X` is `X --help`, and `version` is `--version`. */
export function plainWords(argv: readonly string[]): string[] {
  if (argv.length === 1 && argv[0] === 'version') return ['--version'];
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
}

/** Runs one command line and returns its exit code; undefined if an app has set its own. */
export async function run(words: readonly string[], io: Io = processIo()): Promise<number | undefined> {
  const argv = plainWords(words);
  try {
    // Commander reorders options that it does not know, so an app's arguments never pass through this root.
    const app = appOf(argv[0]);
    if (app) {
      await forward(app, argv);
      return undefined;
    }
    const root = argv[0] === 'complete' ? await wholeProgram(io) : program(io);
    await root.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    return reportFailure(error, io.err);
  }
}
