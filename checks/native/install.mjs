// `mdiff engine` as users meet it: with the real package index, and with faults. Leaves native TensorFlow in the cache folder.
// Usage: node checks/native/install.mjs <cache folder>
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, root } from '../../tools/workspace.mjs';
import { counter } from '../count.mjs';
import { onlyPath } from '../path.mjs';

const [cache] = process.argv.slice(2);
const { check, end } = counter();

const entry = join(root, 'apps/mdiff/bin/mdiff.js');
const mdiff = (folder, args, env = {}) =>
  execute(process.execPath, [entry, 'engine', ...args, '--set', `cache_dir=${folder}`], {
    output: 'keep',
    env: { MDIFF_TENSORFLOW: '', ...env },
  });
const install = (folder, env, ...flags) => mdiff(folder, ['install', 'tensorflow', ...flags], env);
/** Checks the last line of the output, which says what is wrong. */
const refuses = ({ code, text }, expected) => {
  const last = text.trimEnd().split('\n').at(-1);
  return code === 1 && expected.test(last) && !/\n\s+at /.test(text) ? '' : `exit code ${code}; expected ${expected}:\n${text}`;
};
const inside = (folder, ...names) => join(folder, 'engines', ...names);
const parts = (folder) => (existsSync(inside(folder)) ? readdirSync(inside(folder)) : []);

const only = (...names) => onlyPath(join(cache, '..'), ...names);

/** Installs until `bytes` have come, then presses Ctrl-C for the whole process group, as a terminal does. */
function interrupted(folder, bytes) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [entry, 'engine', 'install', 'tensorflow', '--set', `cache_dir=${folder}`], {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stderr.on('data', (chunk) => (text += chunk));
    const watch = setInterval(() => {
      if (arrived(folder) < bytes) return;
      clearInterval(watch);
      process.kill(-child.pid, 'SIGINT');
    }, 20);
    child.on('close', (code) => (clearInterval(watch), resolve({ code, text })));
  });
}

function arrived(folder) {
  const [part] = parts(folder).filter((name) => name.endsWith('.part'));
  const wheels = part && inside(folder, part, 'wheels');
  return wheels && existsSync(wheels) ? readdirSync(wheels).reduce((sum, name) => sum + statSync(join(wheels, name)).size, 0) : 0;
}

const offline = Object.fromEntries(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'].map((name) => [name, 'http://127.0.0.1:9']),
);
const nowhere = join(cache, '..', 'nowhere');

check(
  'another engine is refused',
  (({ code, text }) => (code === 2 && text.includes('expected "tensorflow" or "mpi", got "jax"') ? '' : text))(
    await mdiff(nowhere, ['install', 'jax']),
  ),
);
check(
  'no compiler',
  refuses(await install(nowhere, { PATH: only('python3', 'nice'), CXX: '' }), /needs a C\+\+ compiler, and none of these runs/),
);
check('no pip', refuses(await install(nowhere, { PATH: only('g++', 'c++', 'as', 'ld') }), /needs Python's pip, and none of these runs/));
check('no network', refuses(await install(nowhere, { ...offline, NO_PROXY: '', no_proxy: '' }), /pip cannot reach its package index/));
check('nothing was made of it', parts(nowhere).every((name) => name.endsWith('.part')) ? '' : parts(nowhere).join(', '));

const stopped = await interrupted(cache, 1_000_000);
check(
  'Ctrl-C in the download',
  stopped.code === 130 && stopped.text.includes('the same command continues from there')
    ? ''
    : `exit code ${stopped.code}:\n${stopped.text}`,
);
const kept = arrived(cache);
check('Ctrl-C keeps what has come', kept >= 1_000_000 && kept < 273_829_956 ? '' : `${kept} bytes`);

const made = await install(cache);
const folder = inside(cache, parts(cache).find((name) => !name.endsWith('.part')) ?? 'none');
check(
  'the next command goes on and makes it',
  made.code === 0 && made.text.includes(`made: ${folder}`) && !made.text.includes('without fused kernels') ? '' : made.text,
);
check('nothing else is left', parts(cache).length === 1 ? '' : parts(cache).join(', '));
const again = await install(cache, { ...offline, PATH: only('nice') });
check(
  'a second run needs neither network nor compiler nor pip',
  again.code === 0 && again.text === `already there: ${folder}\n` ? '' : again.text,
);

const part = `${folder}.part`;
const wheels = join(nowhere, 'engines', part.split('/').at(-1), 'wheels');
mkdirSync(wheels, { recursive: true });
const wheel = join(wheels, 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl.part');
writeFileSync(wheel, '');
truncateSync(wheel, 273_829_956);
check(
  'another file than the pinned one',
  refuses(await install(nowhere), /expected sha256 [0-9a-f]{64}, got [0-9a-f]{64}; it was removed/),
);
check('it was removed', existsSync(wheel) ? 'still there' : '');

const doctor = await mdiff(cache, ['doctor', '--json']);
const { engines = [], chosen, times = [] } = doctor.code === 0 ? JSON.parse(doctor.text.slice(doctor.text.indexOf('{'))) : {};
const native = engines.find((one) => one.engine === 'tfjs_node' && one.device === 'cpu');
const measured = times.filter(({ time }) => time.ms > 0);
const least = measured.toSorted((a, b) => a.time.ms - b.time.ms)[0]?.setting;
check(
  'doctor: a run takes the engine whose training step is fastest here, and native TensorFlow was measured',
  doctor.code === 0 && measured.some(({ setting }) => setting.engine === 'tfjs_node') && chosen.engine === least?.engine ? '' : doctor.text,
);
check(
  'doctor: it works, with its kernels',
  native?.state === 'works' && native.gflops.float32 > 0 && native.kernels.startsWith('ready')
    ? ''
    : (JSON.stringify(native, null, 2) ?? 'no such row'),
);
console.log((await mdiff(cache, ['list'])).text);

// A library that was cut short, in a folder that shares the other files.
const damaged = join(cache, '..', 'damaged');
cpSync(folder, damaged, { recursive: true, filter: (path) => !path.endsWith('.so.2'), verbatimSymlinks: true });
for (const name of readdirSync(join(folder, 'deps/lib')).filter((one) => one.endsWith('.so.2')))
  writeFileSync(join(damaged, 'deps/lib', name), 'not a library');
const sick = await mdiff(cache, ['doctor'], { MDIFF_TENSORFLOW: damaged });
check(
  'doctor: a damaged library is a row, the exit code 1, and the others work',
  sick.code === 1 && /tfjs_node +cpu +does not work .*--force/.test(sick.text) && /onnxruntime +cpu +works/.test(sick.text)
    ? ''
    : `exit code ${sick.code}:\n${sick.text}`,
);
for (const one of [damaged, nowhere]) rmSync(one, { recursive: true, force: true });

end();
