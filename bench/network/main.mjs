// Two ranks of one core each, in two network namespaces, against one rank of one core: what the exchange of gradients costs at several speeds of the link,
// beside PyTorch's DistributedDataParallel over gloo.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProjectConfig } from '@mdiff/config';
import { launcherEnvironment, locateMpi, locateTensorFlow } from '@mdiff/engine';
import { layout } from '@mdiff/model';
import { compilePackages } from '../shared/compile.mjs';
import { median } from '../shared/median.ts';
import { failure, list, number, oneOf, optionsOf, text, whole } from '../shared/options.mjs';
import { findPython, librariesOf } from '../shared/python.ts';
import { fixed, writeResult, writeTo } from '../shared/results.mjs';
import { startChild } from '../train/children.ts';
import { writeInputs } from '../train/inputs.ts';
import { TOKENS, sizes } from '../train/sizes.ts';
import { makeNet, netOf, obstacle, removeNet, runToEnd, shapeNet } from './namespaces.ts';
import { predict } from './predict.mjs';
import { MESSAGES } from './cost.ts';
import { aloneCommand, contenders, mpirunCommand, torchCommands, writeAgent } from './ranks.ts';
import { summarise, tableOf } from './summary.ts';

const exchanges = ['ordered', 'float32', 'bfloat16'];
const options = optionsOf({
  name: 'network',
  about:
    'Two ranks of one core each in two network namespaces against one rank: tokens/s and efficiency by the speed of the link. Needs root.',
  options: {
    size: { kind: oneOf(Object.keys(sizes)), default: 'micro', help: 'the network' },
    engines: { kind: list(oneOf(contenders.map(({ name }) => name))), help: 'what trains (default: all that are installed)' },
    links: { kind: list(number(0, 1000)), default: '0,10,1,0.1', help: 'Gb/s of the link; 0 leaves it as fast as it is' },
    delay: { kind: number(0, 1000), default: 0, help: 'ms that a packet is on its way (needs netem in the kernel)' },
    passes: { kind: list(whole(1, 64)), default: '1,4', help: 'gradient_accumulation_steps' },
    exchanges: { kind: list(oneOf(exchanges)), default: exchanges.join(), help: 'how gradients are exchanged' },
    rounds: { kind: whole(1, 100), default: 2, help: 'turns of each' },
    seconds: { kind: number(0.1, 60), default: 1, help: 'length of a turn' },
    cache: { kind: text('folder'), help: 'cache_dir with the addon of MPI and native TensorFlow (default: that of mdiff)' },
    python: { kind: text('path'), help: 'a Python with PyTorch (default: bench/train/peers/.venv, if it is there)' },
    out: { kind: text('file'), help: 'where a run of parts leaves its figures' },
    predict: {
      kind: text('file'),
      help: 'measures nothing: what a model with the costs in this file says of more machines; draws docs/several-machines.svg',
    },
  },
});
const complete = !options.engines && options.size === 'micro' && options.links.length === 4 && options.exchanges.length === 3;
const cacheDir = resolve(options.cache ?? ProjectConfig.default().cache_dir);

if (options.predict) {
  predict(options.predict);
  process.exit(0);
}

function refuse() {
  const reason =
    obstacle() ??
    (availableParallelism() < 2 ? 'two ranks need two cores' : undefined) ??
    (runToEnd(['mpirun', '--version']) === undefined ? undefined : 'mpirun does not run: install Open MPI') ??
    (locateMpi(cacheDir)
      ? undefined
      : `no addon of MPI in ${cacheDir}: run "mdiff engine install mpi", or name another folder with --cache`);
  if (reason !== undefined) throw failure(`bench network cannot run here: ${reason}`);
}
refuse();

const tensorflow = locateTensorFlow({ cacheDir, device: 'cpu' });
const peers = fileURLToPath(new URL('../train/peers/.venv/bin/python', import.meta.url));
const python =
  options.python ?? (existsSync(peers) ? findPython(undefined, { folder: 'train/peers', what: 'PyTorch and JAX' }).python : undefined);
const libraries = python ? librariesOf(python) : {};
const missing = ({ name, ours }) =>
  ours
    ? name.startsWith('tfjs_node') && !tensorflow && 'native TensorFlow is not installed (run "mdiff engine install tensorflow")'
    : !libraries.torch && 'no PyTorch (name a Python that has it with --python, or run the bench "train" once)';
const field = contenders.filter((one) => {
  if (options.engines && !options.engines.includes(one.name)) return false;
  const reason = missing(one);
  if (reason && options.engines) throw failure(`${one.name}: ${reason}`);
  if (reason) console.log(`${one.name} is left out: ${reason}`);
  return !reason;
});

const compiled = compilePackages();
const rankFile = fileURLToPath(new URL(compiled ? '../dist/network/rank.js' : './rank.ts', import.meta.url));
const programs = { ...(python && { python }), node: [...(compiled ? [] : process.execArgv), rankFile] };
const scratch = mkdtempSync(join(tmpdir(), 'mdiff-network-'));
const net = netOf(process.pid);
const alive = new Set();
const clean = () => {
  for (const child of alive) child.close();
  removeNet(net);
  rmSync(scratch, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, () => {
    clean();
    process.exit(130);
  });

const environment = {
  MDIFF_BENCH_CACHE: cacheDir,
  ORT_DISABLE_TELEMETRY: '1',
  PYTHONDONTWRITEBYTECODE: '1',
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
};
/** Environment that mpirun passes on to the ranks. */
const FOR_RANKS = new Set(['MDIFF_BENCH_CACHE', 'ORT_DISABLE_TELEMETRY', 'GLIBC_TUNABLES']);
/** As mdiff starts itself among ranks. */
const amongRanks = { ...process.env, OMPI_COMM_WORLD_SIZE: '2', OMPI_COMM_WORLD_RANK: '0' };
/** Variables of a contender, alone or on two ranks. */
const variablesOf = (one, env) => ({ ...environment, ...(one.name.startsWith('tfjs_node') && launcherEnvironment(tensorflow, env)) });
function start(name, [command, ...args], variables = environment) {
  const child = startChild(name, command, args, variables);
  alive.add(child);
  return child;
}
const stop = (child) => {
  child.close();
  alive.delete(child);
};

const model = sizes[options.size];
const parameters = layout(model).total;
const folder = join(scratch, options.size);
writeInputs(folder, model, 1, 8, tensorflow);

/** Steps of a turn: as many as fit after one that does not count, and one that counts where a step is long. */
const stepsFor = (ms) => (ms > 2000 * options.seconds ? 1 : 1 + Math.max(1, Math.min(30, Math.round((options.seconds * 1000) / ms))));
const nameOf = (link) => (link === 0 ? 'unshaped' : `${link} Gb/s`);

/** The measurements of a contender, a line each: what, on which link, milliseconds of a step and of processor time in each. */
async function measure(one) {
  console.log(`${one.name}: starting`);
  const shared = variablesOf(one, amongRanks);
  const agent = writeAgent(scratch, net);
  const variables = Object.keys(shared).filter((name) => FOR_RANKS.has(name));
  const [near, far] = [0, 1].map((core) => start(`${one.name} ${core}`, aloneCommand(one, folder, programs, core), variablesOf(one)));
  const [pair, other] = one.ours
    ? [start(`${one.name} on two ranks`, mpirunCommand(one, folder, programs, { net, agent, variables }), shared)]
    : torchCommands(one, folder, programs, net).map((command, rank) => start(`${one.name} rank ${rank}`, command));
  const chosen = one.exchanges.filter((exchange) => options.exchanges.includes(exchange));
  const arms = options.passes.flatMap((passes) => chosen.map((exchange) => ({ passes, exchange })));
  const turns = [];
  const last = new Map();
  const turn = async (child, request, key) => {
    const { ms, cpu_ms } = await child.ask({ ...request, steps: stepsFor(last.get(key) ?? 0.5 * options.seconds * 1000) });
    const counted = ms.length > 1 ? ms.slice(1) : ms;
    last.set(key, median(counted));
    return { ms: median(counted), cpu_ms: Math.max(...cpu_ms) / ms.length };
  };
  try {
    // The first steps trace, compile and connect.
    for (const passes of options.passes) {
      for (const child of [near, far]) await child.ask({ exchange: 'ordered', passes, steps: 2 });
      for (const exchange of chosen) await pair.ask({ exchange, passes, steps: 1 });
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const link of options.links) {
        shapeNet(net, link || undefined, options.delay);
        for (const passes of options.passes) {
          const request = { passes, exchange: 'ordered' };
          turns.push({ round, link, passes, kind: 'one', ...(await turn(near, request, `one ${passes}`)) });
          const both = await Promise.all([near, far].map((child) => turn(child, request, `one ${passes}`)));
          turns.push({
            round,
            link,
            passes,
            kind: 'both',
            ms: (both[0].ms + both[1].ms) / 2,
            cpu_ms: (both[0].cpu_ms + both[1].cpu_ms) / 2,
          });
        }
        for (const arm of arms)
          turns.push({ round, link, ...arm, kind: 'ranks', ...(await turn(pair, arm, `${link} ${arm.passes} ${arm.exchange}`)) });
        if (one === exchanger)
          for (const exchange of chosen)
            for (const numbers of [1024, 1 << 20, parameters])
              turns.push({
                round,
                link,
                exchange,
                kind: 'exchange',
                numbers,
                ...(await turn(pair, { exchange, passes: 1, numbers }, `${link} ${numbers} ${exchange}`)),
              });
        if (one === exchanger && link === 0)
          turns.push({
            round,
            link,
            exchange: 'messages',
            kind: 'exchange',
            numbers: MESSAGES,
            ...(await turn(pair, { exchange: 'ordered', passes: 1, messages: MESSAGES }, 'messages')),
          });
        console.log(`${one.name}, round ${round + 1}, ${nameOf(link)}: load ${loadavg()[0].toFixed(1)}`);
      }
    }
  } finally {
    for (const child of [near, far, pair, other]) if (child) stop(child);
  }
  return summarise(one, turns, { tokens: TOKENS });
}

/** The exchange alone is measured beside one engine: it is the same for all. */
const exchanger = field.find(({ ours }) => ours);
const results = [];
const report = () => ({
  machine: {
    cpu: cpus()[0]?.model ?? process.arch,
    cores: availableParallelism(),
    load: fixed(loadavg()[0], 1),
    node: process.version,
    ...libraries,
  },
  date: new Date().toISOString(),
  size: options.size,
  parameters,
  tokens: TOKENS,
  delay_ms: options.delay,
  rows: results.flatMap(({ rows }) => rows),
  exchange: results.flatMap(({ exchange }) => exchange),
});
try {
  makeNet(net);
  for (const one of field) {
    const measured = await measure(one);
    console.log(`\n${tableOf(measured.rows)}\n`);
    results.push(measured);
    if (options.out) writeTo(options.out, report()); // a long run that is stopped leaves what it has
  }
} finally {
  clean();
}
console.log(`${options.size}: ${(parameters / 1e6).toFixed(2)}M parameters, ${TOKENS} tokens a pass and rank`);
if (!options.out && complete && libraries.torch && tensorflow) writeResult('network', report());
