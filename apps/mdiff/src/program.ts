import { Command, CommanderError } from 'commander';
import { addConfig } from './config.js';
import { processIo, type Io } from './io.js';
import { appOf, apps, forward } from './lazy.js';

/** The whole command line. Trainer and generator are loaded only when one of their commands runs. */
export function program(io: Io = processIo()): Command {
  const root = new Command('mdiff').description('Small masked-diffusion language models of one book');
  root.configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) });
  addConfig(root, io);
  for (const app of apps) {
    for (const [name, description] of Object.entries(app.commands)) {
      root
        .command(name)
        .description(description)
        .helpOption(false)
        .allowUnknownOption()
        .allowExcessArguments()
        .argument('[arguments...]')
        .action((_arguments: string[], _flags: object, command: Command) => forward(app, [name, ...command.args]));
    }
  }
  return root;
}

/** Runs one command line and returns its exit code; undefined when an app has set its own. */
export async function run(argv: readonly string[], io: Io = processIo()): Promise<number | undefined> {
  try {
    // Commander would reorder what it does not know, so an app's arguments never pass through it.
    const app = appOf(argv[0]);
    if (app) {
      await forward(app, argv);
      return undefined;
    }
    const root = program(io);
    const strict = (command: Command): void => {
      command.exitOverride();
      command.commands.forEach(strict);
    };
    strict(root);
    await root.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { code, exitCode = 1, message } = error as { code?: unknown; exitCode?: number; message: string };
    if (typeof code !== 'string' || !code.startsWith('MDIFF_')) throw error;
    if (message !== '') io.err(`${message}\n`);
    return exitCode;
  }
}
