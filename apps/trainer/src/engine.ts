import { addConfigFlags, interruptible, layersOf, print, reporterFor, table, UsageError, type ConfigFlags } from '@mdiff/cli';
import { loadProject } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import type { Chosen, Diagnosis, Examined } from '@mdiff/provision';
import type { Command } from 'commander';

interface EngineFlags extends ConfigFlags {
  cuda?: boolean;
  force?: boolean;
  json?: boolean;
}

const configOf = (flags: EngineFlags): ProjectConfig => loadProject(layersOf(flags)).config;

async function runList(flags: EngineFlags): Promise<void> {
  const { chosenSetting, listEngines, listMpi } = await import('@mdiff/provision');
  const config = configOf(flags);
  const { chosen } = await chosenSetting(config);
  const engines = listEngines(config.cache_dir);
  const mpi = listMpi(config.cache_dir);
  if (flags.json) return print(`${JSON.stringify({ engines, chosen, mpi }, null, 2)}\n`);
  const state = (installed: boolean): string => (installed ? 'installed' : 'not installed');
  print(
    table([
      ...engines.map((one) => [one.engine, one.device, state(one.installed), one.detail]),
      ['mpi', '', state(mpi.installed), mpi.detail],
    ]),
  );
  print(
    `engine "${config.engine}", device "${config.device}": ${'refused' in chosen ? `a run is refused: ${chosen.refused}` : `a run takes ${chosen.engine} on ${chosen.device}`}\n`,
  );
}

async function installMpi(flags: EngineFlags): Promise<void> {
  const config = configOf(flags);
  const { provisionMpi } = await import('@mdiff/provision');
  const reporter = reporterFor(config.log_format, process.stderr);
  const { folder, made } = await interruptible(
    (signal) =>
      provisionMpi({
        cacheDir: config.cache_dir,
        force: flags.force === true,
        watch: (text) => reporter.phase(text),
        signal,
      }).finally(() => reporter.end()),
    { stopped: 'stopped; nothing was installed' },
  );
  if (flags.json) return print(`${JSON.stringify({ folder, made: made ? 'all' : 'nothing' }, null, 2)}\n`);
  print(`${made ? 'made' : 'already there'}: ${folder}\n`);
}

async function runInstall(what: string, flags: EngineFlags): Promise<void> {
  if (what === 'mpi') {
    if (flags.cuda) throw new UsageError('mdiff engine install mpi: --cuda is an option of tensorflow; leave it out');
    return installMpi(flags);
  }
  if (what !== 'tensorflow') {
    const reason = what === 'onnxruntime' || what === 'tfjs' ? `${what} comes with mdiff` : `"mdiff engine list" shows all engines`;
    throw new UsageError(`mdiff engine install: expected "tensorflow" or "mpi", got "${what}"; ${reason}`);
  }
  const config = configOf(flags);
  const { megabytes, provision } = await import('@mdiff/provision');
  const reporter = reporterFor(config.log_format, process.stderr);
  const install = (signal: AbortSignal) =>
    provision({
      cacheDir: config.cache_dir,
      variant: flags.cuda ? 'cuda' : 'cpu',
      force: flags.force === true,
      watch: {
        phase: (text) => reporter.phase(text),
        bytes: (file, done, size) => reporter.progress(`${file}: ${megabytes(done)} of ${megabytes(size)},`, done, size),
      },
      signal,
    }).finally(() => reporter.end());
  const { found, made } = await interruptible(install, {
    stopped: 'stopped; the downloads are kept, and the same command continues from there',
  });
  if (flags.json) return print(`${JSON.stringify({ folder: found.folder, made }, null, 2)}\n`);
  print(`${{ all: 'made', kernels: 'fused kernels made again', nothing: 'already there' }[made]}: ${found.folder}\n`);
}

const rounded = (value: number): string => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US'));

function describe(engine: Examined): string {
  if (engine.state !== 'works') return engine.reason ?? '';
  const speeds = Object.entries(engine.gflops ?? {}).map(([precision, speed]) => `${precision} ${rounded(speed)}`);
  const parts = [
    engine.version,
    engine.threads === undefined ? undefined : `${engine.threads} ${engine.threads === 1 ? 'thread' : 'threads'}`,
    speeds.length === 0 ? undefined : `${speeds.join(', ')} GFLOP/s`,
    engine.start === undefined ? undefined : `first product after ${Math.round(engine.start)} ms`,
    engine.software ? 'a software device: a run takes it only if device is "webgpu"' : undefined,
    engine.kernels === undefined ? undefined : `fused kernels ${engine.kernels}`,
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

const words: Record<Examined['state'], string> = { works: 'works', broken: 'does not work', absent: 'not installed' };

/** True if the engine that a run takes is there and works. */
const works = ({ chosen, engines }: Diagnosis): boolean =>
  'engine' in chosen &&
  engines.some(({ engine, device, state }) => engine === chosen.engine && device === chosen.device && state === 'works');

/** The report of `mdiff engine doctor`, for people. */
async function report(diagnosis: Diagnosis): Promise<string> {
  const { node, platform, processor, engines, chosen, times, mpi } = diagnosis;
  const { name, threads, sets } = processor;
  return [
    `Node ${node} on ${platform}; ${name}, ${threads} ${threads === 1 ? 'thread' : 'threads'}; ${sets === undefined ? 'instruction sets unknown' : sets.join(', ')}\n`,
    table([...engines.map((one) => [one.engine, one.device, words[one.state], describe(one)]), ['mpi', '', words[mpi.state], mpi.detail]]),
    'refused' in chosen
      ? `a run is refused: ${chosen.refused}\n`
      : `a run takes ${chosen.engine} on ${chosen.device}${works(diagnosis) ? '' : ', which does not work here'}${await reason(chosen, times)}\n`,
  ].join('');
}

/** Why a run takes this setting of several: the time of a training step in each. */
async function reason({ precision, threads }: Chosen, times: Diagnosis['times']): Promise<string> {
  if (!times) return '';
  const { describeTimes } = await import('@mdiff/engine');
  return ` in ${precision} with ${threads} ${threads === 1 ? 'thread' : 'threads'}: a training step of this network's width takes ${describeTimes(times)}`;
}

async function runDoctor(flags: EngineFlags): Promise<void> {
  const config = configOf(flags);
  const { examineEngines } = await import('@mdiff/provision');
  const reporter = reporterFor(config.log_format, process.stderr);
  const examine = (signal: AbortSignal) =>
    examineEngines({ config, signal, watch: (text) => reporter.phase(text) }).finally(() => reporter.end());
  const diagnosis = await interruptible(examine, { stopped: 'stopped' });
  print(flags.json ? `${JSON.stringify(diagnosis, null, 2)}\n` : await report(diagnosis));
  process.exitCode = works(diagnosis) ? 0 : 1;
}

/** `mdiff engine …`: the libraries that compute a training step, and their devices. */
export function addEngine(root: Command): void {
  const engine = root.command('engine').description('list, install and test what computes the training');
  const only = 'cache_dir, engine and device';
  addConfigFlags(engine.command('list').description('list engines and devices, installed or not, and how to get the missing ones'), {
    only,
  })
    .option('--json', 'print JSON')
    .action(runList);
  addConfigFlags(
    engine
      .command('install')
      .description(
        'install native TensorFlow into cache_dir (the libraries of its Python package, by your pip, and an addon for Node compiled here; a second run continues where one was stopped), or mpi: an addon compiled against the MPI that is here',
      ),
    { only },
  )
    .argument('<engine>', 'tensorflow, or mpi for runs on several machines')
    .option('--cuda', 'for NVIDIA GPUs: several gigabytes')
    .option('--force', 'make it again even if it is there')
    .option('--json', 'print the folder as JSON')
    .action(runInstall);
  addConfigFlags(
    engine
      .command('doctor')
      .description(
        'load every engine in a process of its own, check one product and time products for two seconds; exit code 0 if the engine of a run works',
      ),
    { only },
  )
    .option('--json', 'print JSON')
    .action(runDoctor);
}
