import { loadProject } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { MdiffError } from '@mdiff/folder';
import { reporterFor } from '@mdiff/cli';
import type { Diagnosis, Examined } from '@mdiff/provision';
import type { Command } from 'commander';

interface Flags {
  config?: string;
  set: string[];
  cuda?: boolean;
  force?: boolean;
  json?: boolean;
}

const configOf = (flags: Flags): ProjectConfig => loadProject({ ...(flags.config !== undefined && { file: flags.config }), set: flags.set, env: process.env, cwd: process.cwd() }).config;

/** Runs `task` until it ends or the user stops it; the second Ctrl-C ends at once. */
async function interruptible(task: (signal: AbortSignal) => Promise<void>, stopped: string): Promise<void> {
  const interrupt = new AbortController();
  const onSignal = (): void => (interrupt.signal.aborted ? process.exit(130) : interrupt.abort());
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    await task(interrupt.signal);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    process.stderr.write(`${stopped}\n`);
    process.exitCode = 130;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

const table = (rows: readonly (readonly string[])[]): string => {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()}\n`).join('');
};

async function runList(flags: Flags): Promise<void> {
  const { chosenEngine, listEngines } = await import('@mdiff/provision');
  const config = configOf(flags);
  const chosen = chosenEngine(config);
  process.stdout.write(table(listEngines(config.cache_dir).map((one) => [one.engine, one.device, one.installed ? 'installed' : 'not installed', one.detail])));
  process.stdout.write(`engine "${config.engine}", device "${config.device}": ${'refused' in chosen ? `a run is refused: ${chosen.refused}` : `a run takes ${chosen.engine} on ${chosen.device}`}\n`);
}

async function runInstall(what: string, flags: Flags): Promise<void> {
  if (what !== 'tensorflow') {
    const others = what === 'onnxruntime' || what === 'tfjs' ? `${what} comes with mdiff` : `"mdiff engine list" shows all`;
    throw new MdiffError('MDIFF_ENGINE', `mdiff engine install: expected "tensorflow", got "${what}"; ${others}`, 2);
  }
  const config = configOf(flags);
  const { megabytes, provision } = await import('@mdiff/provision');
  const reporter = reporterFor(config.log_format, process.stderr);
  const stopped = 'stopped; what was downloaded is kept: the same command goes on from there';
  await interruptible(async (signal) => {
    const { found, made } = await provision({
      cacheDir: config.cache_dir,
      variant: flags.cuda ? 'cuda' : 'cpu',
      force: flags.force === true,
      watch: { phase: (text) => reporter.phase(text), bytes: (file, done, size) => reporter.progress(`${file}: ${megabytes(done)} of ${megabytes(size)},`, done, size) },
      signal,
    }).finally(() => reporter.end());
    const said = { all: 'made', kernels: 'fused kernels made anew', nothing: 'already there' }[made];
    process.stdout.write(`${said}: ${found.folder}\n`);
  }, stopped);
}

const rounded = (value: number): string => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US'));

function described(one: Examined): string {
  if (one.state !== 'works') return one.reason ?? '';
  const speeds = Object.entries(one.gflops ?? {}).map(([precision, speed]) => `${precision} ${rounded(speed)}`);
  const parts = [
    one.version,
    one.threads === undefined ? undefined : `${one.threads} ${one.threads === 1 ? 'thread' : 'threads'}`,
    speeds.length === 0 ? undefined : `${speeds.join(', ')} GFLOP/s`,
    one.start === undefined ? undefined : `first product after ${Math.round(one.start)} ms`,
    one.software ? 'a software device: a run takes it only where device is "webgpu"' : undefined,
    one.kernels === undefined ? undefined : `fused kernels ${one.kernels}`,
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

const words: Record<Examined['state'], string> = { works: 'works', broken: 'does not work', absent: 'not installed' };

/** Whether a run would find its engine, and it works. */
const works = ({ chosen, engines }: Diagnosis): boolean =>
  'engine' in chosen && engines.some(({ engine, device, state }) => engine === chosen.engine && device === chosen.device && state === 'works');

/** The report of `mdiff engine doctor`, for people. */
function report(diagnosis: Diagnosis): string {
  const { node, platform, processor, engines, chosen } = diagnosis;
  const { name, threads, sets } = processor;
  return [
    `Node ${node} on ${platform}; ${name}, ${threads} ${threads === 1 ? 'thread' : 'threads'}; ${sets === undefined ? 'instruction sets unknown' : sets.join(', ')}\n`,
    table(engines.map((one) => [one.engine, one.device, words[one.state], described(one)])),
    'refused' in chosen ? `a run is refused: ${chosen.refused}\n` : `a run takes ${chosen.engine} on ${chosen.device}${works(diagnosis) ? '' : ', which does not work here'}\n`,
  ].join('');
}

async function runDoctor(flags: Flags): Promise<void> {
  const config = configOf(flags);
  const { examineEngines } = await import('@mdiff/provision');
  await interruptible(async (signal) => {
    const reporter = reporterFor(config.log_format, process.stderr);
    const diagnosis = await examineEngines({ config, signal, watch: (text) => reporter.phase(text) }).finally(() => reporter.end());
    process.stdout.write(flags.json ? `${JSON.stringify(diagnosis, null, 2)}\n` : report(diagnosis));
    process.exitCode = works(diagnosis) ? 0 : 1;
  }, 'stopped');
}

/** `mdiff engine …`: what computes a training step, and where. */
export function addEngine(root: Command): void {
  const engine = root.command('engine').description('what computes the training: list, install, try');
  const withConfig = (command: Command): Command =>
    command
      .option('-c, --config <file>', 'configuration file, for cache_dir, engine and device (default: mdiff.yaml here)')
      .option('-s, --set <key=value>', 'one configuration value; may be repeated', (value: string, all: string[]) => [...all, value], []);
  withConfig(engine.command('list').description('engines and devices, installed or not, and how to get the missing')).action(runList);
  withConfig(
    engine
      .command('install')
      .description('native TensorFlow into cache_dir: the libraries of its Python package (by your pip) and an addon for Node compiled here; a second run goes on where one was stopped')
      .argument('<engine>', 'tensorflow')
      .option('--cuda', 'for NVIDIA GPUs: several gigabytes')
      .option('--force', 'make it anew even if it is there'),
  ).action(runInstall);
  withConfig(
    engine
      .command('doctor')
      .description('load every engine in a process of its own, check a product and measure products for two seconds; exit code 0 when the engine of a run works')
      .option('--json', 'for programs'),
  ).action(runDoctor);
}
