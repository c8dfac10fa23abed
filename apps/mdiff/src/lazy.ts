import type { Command } from 'commander';

/** An app that is loaded when one of its commands runs. Both apps name their sub-commands as here. */
interface App {
  package: string;
  commands: Readonly<Record<string, string>>;
  load(): Promise<unknown>;
}

export const apps: readonly App[] = [
  {
    package: '@mdiff/trainer',
    commands: {
      train: 'train a model on a book and export a model folder',
      data: 'look at the text a run would learn',
      embeddings: 'get a sentence encoder for scoring difficulty',
      engine: 'list, install and try what computes the training',
    },
    load: () => import('@mdiff/trainer'),
  },
  {
    package: '@mdiff/generator',
    commands: {
      generate: 'write new text with a model folder, or continue a prompt',
      infill: 'fill the gaps of a text',
      serve: 'answer completions over HTTP',
    },
    load: () => import('@mdiff/generator'),
  },
];

export const appOf = (command: string | undefined): App | undefined =>
  apps.find((app) => command !== undefined && Object.hasOwn(app.commands, command));

const isMissing = (error: unknown, name: string): boolean =>
  error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(`'${name}'`);

/** Hands the arguments, `--help` included, to the app as they are. @throws an error with code `MDIFF_APP` when it is not installed */
export async function forward(app: Pick<App, 'package' | 'load'>, argv: readonly string[]): Promise<void> {
  let loaded: unknown;
  try {
    loaded = await app.load();
  } catch (error) {
    if (!isMissing(error, app.package)) throw error;
    throw Object.assign(
      new Error(`mdiff ${argv[0]}: expected the package ${app.package}, got nothing; install it: npm install ${app.package}`, {
        cause: error,
      }),
      { code: 'MDIFF_APP', exitCode: 2 },
    );
  }
  await (loaded as { program(): Command }).program().parseAsync([...argv], { from: 'user' });
}
