import { reportFailure } from '@mdiff/cli';
import { Command } from 'commander';
import { addConfig } from './config.js';
import { processIo, type Io } from './io.js';
import { appOf, apps, forward } from './lazy.js';

/** The whole command line. It loads trainer and generator only when one of their commands runs. */
export function program(io: Io = processIo()): Command {
  const root = new Command('mdiff').description('Small masked-diffusion language models of one book').exitOverride();
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

/** Runs one command line and returns its exit code; undefined if an app has set its own. */
export async function run(argv: readonly string[], io: Io = processIo()): Promise<number | undefined> {
  try {
    // Commander reorders options that it does not know, so an app's arguments never pass through this root.
    const app = appOf(argv[0]);
    if (app) {
      await forward(app, argv);
      return undefined;
    }
    await program(io).parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    return reportFailure(error, io.err);
  }
}
