import { print, type CommandLine } from '@mdiff/cli';

/** An app, which is loaded only when one of its commands runs. A test compares these names with those of the apps. */
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
      pretrain: 'train a base model on a shelf of books and export a model folder',
      tune: 'search for better values of any keys: short runs of many random values, longer ones of the better, by held-out bits/byte',
      compare: 'train several curricula on one text with the same budget, and compare them on its held-out part',
      export: 'write the newest checkpoint of a run as a model folder; the run may be going on, and is not changed',
      runs: 'list, show and compare the runs in output_dir, and remove what they no longer need',
      watch: 'follow a run from another terminal, or in a browser',
      data: 'show the text that a run would learn',
      embeddings: 'get a sentence encoder for scoring difficulty',
      engine: 'list, install and test what computes the training',
    },
    load: () => import('@mdiff/trainer'),
  },
  {
    package: '@mdiff/generator',
    commands: {
      generate: 'write new text with a model folder, or continue a prompt',
      infill: 'fill the gaps of a text',
      rewrite: 'write some words of a text anew',
      evaluate: 'measure a model: how likely it finds a text, in parts, and what it writes over a range of temperatures',
      score: 'say how likely a model finds a text, and which of several models finds it likeliest',
      serve: 'answer completions over HTTP, and show a playground in a browser',
      'export-site': 'write the playground as a site that runs a model in the browser of its visitors',
      models: 'list and show the model folders in output_dir, and the base models that are installed',
    },
    load: () => import('@mdiff/generator'),
  },
];

export const appOf = (command: string | undefined): App | undefined =>
  apps.find((app) => command !== undefined && Object.hasOwn(app.commands, command));

const isMissing = (error: unknown, name: string): boolean =>
  error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(`'${name}'`);

interface Written {
  model: string;
  origin: 'base' | 'tuned' | 'scratch';
  prompt?: string;
}

const titles = { base: 'before: the base model', tuned: 'after: the fine-tuned model', scratch: 'a sample' };

/** Shows a text by a model of a training. A sample that fails is one line and no failure: it is not what the training is for. */
export async function writeSample({ model, origin, prompt }: Written, generator = appOf('generate')!): Promise<void> {
  print(`\n${titles[origin]}${prompt === undefined ? '' : `, continuing "${prompt}"`}:\n\n`);
  try {
    await forward(generator, ['generate', model, '--seed', '1', ...(prompt === undefined ? [] : ['--prompt', prompt])]);
    print('\n');
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    process.stderr.write(
      `no sample: ${reason}; ${origin === 'base' ? 'the training goes on' : 'the training is finished and its model is whole'}\n`,
    );
  }
}

/** The trainer as a library; undefined if it is not installed. */
export async function loadTrainer() {
  try {
    return await import('@mdiff/trainer');
  } catch (error) {
    if (!isMissing(error, '@mdiff/trainer')) throw error;
    return undefined;
  }
}

/** Writes a model folder with a graph, from one that holds weights alone; false if the trainer, which writes graphs, is not installed. */
async function withGraph(from: string, place: string): Promise<boolean> {
  const trainer = await loadTrainer();
  await trainer?.withGraph(from, place);
  return trainer !== undefined;
}

// The training code knows the text of a model; without it, `mdiff evaluate` compares with what it is given.
const textOfModel = async (folder: string, signal?: AbortSignal) => (await loadTrainer())?.textOfModel(folder, signal);
const bandsOfTexts = async (folder: string, texts: readonly string[], signal?: AbortSignal) =>
  (await loadTrainer())?.bandsOfTexts(folder, texts, signal);

const generator = () => import('@mdiff/generator');
type Generator = Awaited<ReturnType<typeof generator>>;

/** The generator as a library, for a training that is going on. */
const writer = {
  write: async (...request: Parameters<Generator['writeText']>) => (await generator()).writeText(...request),
  refill: async (...request: Parameters<Generator['refillTexts']>) => (await generator()).refillTexts(...request),
};

/** The commands of an app. @throws an error with code `MDIFF_APP` if the app is not installed */
export async function loadApp(app: Pick<App, 'package' | 'load'>, command = ''): Promise<CommandLine> {
  try {
    return ((await app.load()) as { program(hooks: object): CommandLine }).program({
      onTrained: writeSample,
      withGraph,
      textOfModel,
      bandsOfTexts,
      writer,
    });
  } catch (error) {
    if (!isMissing(error, app.package)) throw error;
    throw Object.assign(
      new Error(`mdiff ${command}: the package ${app.package} is not installed; run: npm install ${app.package}`, {
        cause: error,
      }),
      { code: 'MDIFF_APP', exitCode: 2 },
    );
  }
}

/** Passes the arguments to the app unchanged, `--help` included. @throws an error with code `MDIFF_APP` if the app is not installed */
export async function forward(app: Pick<App, 'package' | 'load'>, argv: readonly string[]): Promise<void> {
  await (await loadApp(app, argv[0])).parseAsync([...argv], { from: 'user' });
}
