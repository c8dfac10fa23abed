// The Dockerfile without Docker: a user who owns nothing starts its ENTRYPOINT with its CMD on a model that nobody may write, and its HEALTHCHECK asks.
//   node checks/container/suite.mjs <model folder> [<empty folder>]
// With an empty folder, the committed files are put there and the RUN lines build them first (minutes); otherwise this checkout serves, which must be built.
// Prints `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../tools/workspace.mjs';
import { counter } from '../count.mjs';
import { freePort } from '../replicas/haproxy.mjs';

const [model, empty] = process.argv.slice(2);
const { step, end } = counter();
const TOKEN = 'a-token';
/** A user without rights, where this one may become another who can read this checkout. */
const other = { uid: 65_534, gid: 65_534 };
const canRead = () => spawnSync('cat', ['package.json'], { ...other, cwd: root, stdio: 'ignore' }).status === 0;
const nobody = process.getuid() === 0 && canRead() ? other : {};

/** The instructions of each stage, in order: `[name, rest]`. */
function stagesOf(text) {
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n');
  const stages = [];
  for (const line of lines.filter(Boolean)) {
    const [, name, rest] = /^\s*(\w+) (.*)$/.exec(line);
    if (name === 'FROM') stages.push([]);
    stages.at(-1).push([name, rest]);
  }
  return stages;
}

const [build, image] = stagesOf(readFileSync(join(root, 'Dockerfile'), 'utf8'));
const every = (stage, wanted) => stage.filter(([name]) => name === wanted).map(([, rest]) => rest);
const list = (text) => JSON.parse(/\[.*\]/.exec(text)[0]);
const [entrypoint, command, health] = ['ENTRYPOINT', 'CMD', 'HEALTHCHECK'].map((name) => list(every(image, name)[0]));
const variables = Object.fromEntries(every(image, 'ENV').flatMap((rest) => rest.split(' ').map((pair) => pair.split('='))));

/** Everything below may be read by all and written by its owner alone. */
function opened(path) {
  chmodSync(path, 0o755);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) opened(join(path, entry.name));
    else chmodSync(join(path, entry.name), 0o644);
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'mdiff-container-'));
chmodSync(scratch, 0o755);
const port = await freePort();
const env = { PATH: process.env.PATH, HOME: '/nonexistent', ...variables };
const shell = (line, cwd) => {
  const { status, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', line], { cwd, stdio: ['ignore', 'inherit', 'pipe'] });
  return status === 0 ? '' : `${line}: exit code ${status}\n${stderr}`;
};
const lines = every(build, 'RUN').flatMap((line) => line.split(' && '));
let folder = root;

if (empty) {
  await step('the RUN lines build the committed files in an empty folder', () => {
    mkdirSync(empty, { recursive: true });
    const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
    if (!ignored.includes('.git')) return '.dockerignore lets .git in, which is not put there';
    const all = [`git -C '${root}' archive HEAD | tar -x -C '${empty}'`, ...lines];
    return all.map((line) => shell(line, empty)).find((problem) => problem !== '');
  });
  folder = empty;
} else await step('the RUN line builds the page', () => shell(lines.at(-1), root));

cpSync(model, join(scratch, 'model'), { recursive: true });
opened(join(scratch, 'model'));
// The addresses of the image, as they are here.
const args = [...entrypoint.slice(1), ...command].map((arg) => (arg === '/model' ? join(scratch, 'model') : arg));
const start = (more) => {
  const child = spawn(entrypoint[0], [...args, '--port', String(port)], {
    ...nobody,
    cwd: folder,
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output.text += data));
  return { child, output, ended: new Promise((resolve) => child.once('exit', resolve)) };
};

await step('without a token it does not start, and says what to do', async () => {
  const { output, ended } = start({});
  const code = await ended;
  return code === 2 && output.text.includes('MDIFF_TOKEN') ? '' : `exit code ${code}: ${output.text}`;
});

const { child, output, ended } = start({ MDIFF_TOKEN: TOKEN });
const check = () =>
  spawnSync(
    health[0],
    health.slice(1).map((arg) => arg.replace(':8080/', `:${port}/`)),
    { env },
  ).status;
await step('the health check holds once it serves', async () => {
  const last = performance.now() + 180_000;
  while (check() !== 0) {
    if (child.exitCode !== null || performance.now() > last) return `not within three minutes: ${output.text}`;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
});
await step('it runs what was built, as a user who owns no file of it', () => {
  const [launched] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
  const line = readFileSync(`/proc/${launched}/cmdline`, 'utf8');
  const user = Number(/^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${launched}/status`, 'utf8'))[1]);
  const isBuilt = line.includes('dist/main.js') && !line.includes('tsx');
  return isBuilt && (nobody.uid ?? user) === user ? '' : `user ${user}: ${line.replaceAll('\0', ' ')}`;
});
await step('it shows its page and writes a text for whoever has the token', async () => {
  const url = `http://127.0.0.1:${port}`;
  const page = await fetch(url);
  const ask = (headers) =>
    fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ prompt: 'The', max_tokens: 4 }),
    });
  const [refused, answered] = [await ask({}), await ask({ authorization: `Bearer ${TOKEN}` })];
  const { choices } = await answered.json();
  return page.ok && refused.status === 401 && choices?.length === 1
    ? ''
    : `${page.status} ${refused.status} ${answered.status}\n${output.text}`;
});
await step('SIGTERM ends it within the time that compose.yaml gives it', async () => {
  const grace = Number(/stop_grace_period: (\d+)s/.exec(readFileSync(join(root, 'compose.yaml'), 'utf8'))[1]);
  const before = performance.now();
  child.kill('SIGTERM');
  const code = await ended;
  const seconds = (performance.now() - before) / 1000;
  return code === 0 && seconds < grace ? '' : `exit code ${code} after ${seconds.toFixed(1)} s: ${output.text}`;
});
rmSync(scratch, { recursive: true, force: true });
end();
