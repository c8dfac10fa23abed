import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { count, integer, interruptible, openInBrowser, outputIsLog, port, print, UsageError } from '@mdiff/cli';
import { generate, prepare as prepareModel, prepareFolders, type Model } from '@mdiff/generate';
import type { FastifyInstance } from 'fastify';
import { type Command, Option } from 'commander';
import { addCommonFlags, cacheFlag, type CommonFlags } from './flags.js';
import type { Hooks } from './graphs.js';
import { folderOf, load, prepare, type Prepared, refuseIdle } from './open.js';
import { watchFolder } from './reload.js';
import { isLoopback } from './server/loopback.js';
import type { LoadedModel, ServedModel } from './server/models.js';

/** Time in ms between two looks at a folder that may change. */
const LOOK = 1_000;

/** Requests that run at a time. More would not be done sooner, since a pass takes longer the more it holds. */
const RUNNING = 8;
/** From left to right a pass reads the weights for one token of each text, so that more texts cost it little. */
const RUNNING_CAUSAL = 32;

const runningOf = (prepared: readonly Prepared[]): number =>
  prepared.every(({ sampling }) => sampling.sampler === 'causal') ? RUNNING_CAUSAL : RUNNING;

interface ServeFlags extends CommonFlags {
  port: number;
  host: string;
  token?: string;
  insecure?: boolean;
  reload?: boolean;
  running?: number;
  waiting: number;
  timeout: number;
  drain: number;
  log?: 'requests' | 'prompts';
  open?: boolean;
  json?: boolean;
}

/** `mdiff serve`: answers until a signal stops it. */
async function runServe(folders: readonly string[], flags: ServeFlags, hooks: Hooks): Promise<void> {
  outputIsLog();
  const [first, ...more] = folders;
  const all = [folderOf('serve', first, flags), ...more];
  checkAddress(flags);
  // The handlers stand before the first line is printed, so that whoever waits for it may send a signal at once.
  await interruptible((signal) => serve(all, { ...flags, ...hooks }, signal));
}

/** Refuses addresses that would let more people in than the user knows of. */
function checkAddress({ host, token, insecure }: ServeFlags): void {
  if (host.trim() === '') throw new UsageError('--host: expected an address, got ""; 127.0.0.1 listens on this machine alone');
  const withPort = /^([^:]+|\[.*\]):(\d+)$/.exec(host);
  if (withPort)
    throw new UsageError(`--host: expected an address without a port, got "${host}"; use --host ${withPort[1]} --port ${withPort[2]}`);
  if (/^\[.*\]$/.test(host)) throw new UsageError(`--host: expected an address without brackets, got "${host}"; use ${host.slice(1, -1)}`);
  if (token !== undefined && !/^[!-~]+$/.test(token))
    throw new UsageError('--token: expected printable characters without spaces; for example the output of: openssl rand -hex 16');
  if (!isLoopback(host) && token === undefined && !insecure)
    throw new UsageError(
      `--host: "${host}" lets other machines in; protect the server with --token (or MDIFF_TOKEN), or let everybody in with --insecure`,
    );
}

async function serve(folders: readonly string[], flags: ServeFlags & Hooks, signal: AbortSignal): Promise<void> {
  const prepared = await prepareAll(folders, flags);
  const tokenizers = await prepareFolders(prepared.map(({ files }) => files));
  const versions: Versions[] = [];
  const reopened: Model[] = [];
  const stopped = new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null)));
  // Open the port before loading a model: a second server fails at once, and health checks get answers while a large model loads.
  let start!: () => void;
  const listening = new Promise<void>((resolve) => (start = resolve));
  const served = prepared.map(({ files, sampling }, i) => {
    const version = { name: files.name, model: listening.then(() => ready({ files, sampling }, flags, tokenizers[i])) };
    const onVersions: ServedModel['onVersions'] = (replace) =>
      void version.model.then(
        (first) => versions.push(follow({ folder: folders[i]!, first, flags, replace })),
        () => undefined,
      );
    const reopen = async (): Promise<LoadedModel> => {
      const again = (await prepareAll([folders[i]!], flags))[0]!;
      const model = await ready(again, flags);
      reopened.push(model);
      process.stderr.write(`${folders[i]}: its inference thread had died; loaded again\n`);
      return { model, sampling: again.sampling };
    };
    return { ...version, sampling, reopen, ...(flags.reload && { onVersions }) };
  });
  const models = Promise.all(served.map(({ model }) => model));
  models.catch(() => undefined);
  // Loaded only here: the server's packages take longer to load than a short text to write.
  const { createServer } = await import('./server/server.js');
  const app = createServer({
    models: served,
    running: flags.running ?? runningOf(prepared),
    waiting: flags.waiting,
    timeout: flags.timeout * 1000,
    stopping: signal,
    // Whoever may fetch a folder has the model, so only visitors on this machine may.
    ...(isLoopback(flags.host) && flags.token === undefined && { folders: new Map(prepared.map(({ files }) => [files.name, files.path])) }),
    token: flags.token,
    checkHost: isLoopback(flags.host),
    onRequest: flags.log && ((record) => void process.stderr.write(`${JSON.stringify(record)}\n`)),
    logPrompts: flags.log === 'prompts',
    onError: (error) => void process.stderr.write(`${error.stack ?? error.message}\n`),
  });
  if (signal.aborted) return;
  const url = await listen(app, flags);
  start();
  try {
    const loaded = signal.aborted ? null : await Promise.race([models, stopped]);
    if (loaded) {
      const names = loaded.map(({ name }) => name);
      const page = pageUrl(url);
      const human = `serving ${names.join(', ')} at ${url}/v1/completions, with a playground at ${page} (Ctrl-C stops)\n`;
      print(flags.json ? `${JSON.stringify({ model: names[0], models: names, url })}\n` : human);
      if (flags.open)
        void openInBrowser(page).then(
          (opened) => opened || process.stderr.write(`no browser could be started here; open ${page} yourself\n`),
        );
      await stopped;
      await wait(flags.drain * 1000);
    }
  } finally {
    await app.close();
  }
  const loaded = await models;
  for (const model of reopened) await model.close();
  for (const model of loaded) await (versions.find(({ first }) => first === model) ?? model).close();
}

/** Loads a model, and does what its first request would stop the server for: makes its tables, and compiles the code that writes. */
async function ready(
  { files, sampling }: Pick<Prepared, 'files' | 'sampling'>,
  flags: ServeFlags,
  tokenizer?: Model['tokenizer'],
): Promise<Model> {
  const model = await load(files, flags, tokenizer);
  await prepareModel(model);
  // A model that cannot write with these settings says so to whoever asks it to.
  await generate(model, { ...sampling, n: 1, seed: 0, maxTokens: 1 }).catch(() => undefined);
  return model;
}

interface Versions {
  readonly first: Model;
  /** Follows no more changes, and closes the version that is served. */
  close(): Promise<void>;
}

interface FollowArgs extends Pick<Versions, 'first'> {
  readonly folder: string;
  readonly flags: ServeFlags & Hooks;
  readonly replace: (version: LoadedModel) => void;
}

/** Serves each later version of a folder in place of the one before, and says so. */
function follow({ folder, first, flags, replace }: FollowArgs): Versions {
  let current = first;
  const stop = watchFolder(folder, {
    async load() {
      const again = (await prepareAll([folder], flags))[0]!;
      const { files, sampling } = again;
      if (files.name !== first.name)
        throw new UsageError(`${folder}: is called "${files.name}" now, and "${first.name}" is served; start again`);
      return { model: await ready(again, flags), sampling };
    },
    onLoaded(version) {
      current = version.model;
      replace(version);
      process.stderr.write(`${folder}: loaded again\n`);
    },
    onFault: ({ message }) => void process.stderr.write(`${message}; the version before is served on\n`),
    interval: LOOK,
  });
  return {
    first,
    close() {
      stop();
      return current.close();
    },
  };
}

/** Reads the folders, and refuses two of one name: a request states the name alone. */
async function prepareAll(folders: readonly string[], flags: ServeFlags & Hooks): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  for (const folder of folders) {
    const next = await prepare(folder, flags, flags);
    const twin = prepared.findIndex(({ files }) => files.name === next.files.name);
    if (twin >= 0)
      throw new UsageError(`serve: ${folders[twin]} and ${folder} are both called "${next.files.name}"; start a server for each`);
    refuseIdle('serve', next.chosen, {
      num_return_sequences: 'each request states its own n',
      interactive_mode: 'a server reads no lines',
    });
    prepared.push(next);
  }
  return prepared;
}

/** Opens the port and returns the server's address as a URL. */
async function listen(app: FastifyInstance, flags: ServeFlags): Promise<string> {
  await app.listen({ host: flags.host, port: flags.port }).catch((error: NodeJS.ErrnoException) => {
    throw listenError(error, flags);
  });
  const { address, family, port } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** The playground as a browser on this machine reaches it: an address that means all of a machine's own is none to visit. */
const pageUrl = (url: string): string => `${url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')}/`;

function listenError(error: NodeJS.ErrnoException, { host, port }: ServeFlags): Error {
  if (error.code === 'EADDRINUSE')
    return new UsageError(`--port: port ${port} is in use on ${host}; choose another, or 0 for any free port`);
  if (error.code === 'EACCES') return new UsageError(`--port: you may not open port ${port}; choose one above 1023`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new UsageError(`--host: "${host}" is not an address of this machine; use 127.0.0.1, or 0.0.0.0 to listen on every address`);
  return error;
}

export function addServe(root: Command, hooks: Hooks): void {
  addCommonFlags(
    root
      .command('serve')
      .description('answer POST /v1/completions in the shape of OpenAI, with one model or several, and show a playground'),
  )
    .argument('[folder...]', 'model folders')
    .addOption(new Option('--port <port>', 'TCP port; 0 takes a free one').argParser(port).default(8080))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(new Option('--token <token>', 'what clients must send as their API key').env('MDIFF_TOKEN'))
    .addOption(cacheFlag())
    .option('--insecure', 'let other machines in without a token')
    .option('--reload', 'load a folder again when it changes; a damaged one is not served')
    .addOption(
      new Option(
        '--running <requests>',
        `requests that run at a time, in shared forward passes (default: ${RUNNING}; ${RUNNING_CAUSAL} if the folders write from left to right)`,
      ).argParser(count),
    )
    .addOption(new Option('--waiting <requests>', 'requests that may wait beside those that run').argParser(integer).default(16))
    .addOption(new Option('--timeout <seconds>', 'time of a request, its time in line included').argParser(count).default(300))
    .addOption(
      new Option('--drain <seconds>', 'time after a signal in which /readyz says 503 and requests are still taken; for a balancer')
        .argParser(integer)
        .default(0),
    )
    .addOption(
      new Option('--log <what>', 'write a line of JSON for each request, without or with what was asked').choices(['requests', 'prompts']),
    )
    .option('--open', 'open the playground in your browser when the server is ready')
    .option('--json', 'print models and address as one line of JSON when the server is ready')
    .action((folders: string[], flags: ServeFlags) => runServe(folders, flags, hooks));
}
