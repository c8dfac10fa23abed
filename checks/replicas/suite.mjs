// Two replicas of `mdiff serve` behind HAProxy with runs/cluster/haproxy.cfg, under load: one is killed, one is stopped, one comes back.
//   node checks/replicas/suite.mjs <model folder>
// Prints `N passed, N failed`.
import { setTimeout as wait } from 'node:timers/promises';
import { counter } from '../count.mjs';
import { startServing } from '../serve.mjs';
import { startClients } from './clients.mjs';
import { freePort, whileBalancing } from './haproxy.mjs';

const [model] = process.argv.slice(2);
const { step, end } = counter();
/** haproxy.cfg needs two looks of a second; the rest is time for a busy machine. */
const DRAIN = 8;
/** Requests that a replica runs (maxconn in haproxy.cfg). */
const RUNNING = 8;
/** Clients of each of four kinds: more than the replicas run together, so that some requests wait in the balancer. */
const EACH = 5;

const startReplica = (port) => startServing([model, '--drain', String(DRAIN), '--threads', '1'], { port });
const shown = (value) => JSON.stringify(value, null, 1);

async function until(what, holds, limit = 60_000) {
  const last = performance.now() + limit;
  while (!(await holds())) {
    if (performance.now() > last) throw new Error(`${what}: not within ${limit / 1000} s`);
    await wait(50);
  }
}

/** The replica that answers a request, by name; undefined if none does. */
async function answering({ url, served }) {
  const id = `ask-${performance.now()}`;
  const { status } = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify({ prompt: 'The', max_tokens: 4, seed: 7 }),
  });
  await until('the line of a request in the log of HAProxy', () => served.has(id));
  return status === 200 ? served.get(id).replica : undefined;
}

const answers = (balancer, name) => until(`replica ${name} answers`, async () => (await answering(balancer)) === name);

/** Any number of requests of one text: who answered, and what. */
async function sameText({ url, served }) {
  const texts = new Map();
  for (let i = 0; i < 12; i++) {
    const id = `same-${i}`;
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': id },
      body: JSON.stringify({ prompt: 'The', max_tokens: 12, seed: 5 }),
    });
    const { choices } = await response.json();
    await until('the line of a request in the log of HAProxy', () => served.has(id));
    const { replica } = served.get(id);
    texts.set(replica, (texts.get(replica) ?? new Set()).add(choices[0].text));
  }
  const all = new Set([...texts.values()].flatMap((some) => [...some]));
  return texts.size === 2 && all.size === 1 ? '' : shown([...texts].map(([replica, some]) => [replica, [...some]]));
}

/** A stream through the balancer arrives while it is written. */
async function inPieces({ url }) {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'The', max_tokens: 60, min_tokens: 60, n: 4, stream: true, stream_options: { denoise: true } }),
  });
  const pieces = [];
  for await (const piece of response.body) pieces.push(Buffer.from(piece).toString());
  return pieces.length > 1 && !pieces[0].includes('[DONE]') ? '' : `the answer came in ${pieces.length} pieces`;
}

/** A long stream that a replica has begun: what is left of it. */
async function begunOn({ url }, replica) {
  for (;;) {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'The', max_tokens: 100, min_tokens: 100, n: 16, stream: true, stream_options: { denoise: true } }),
    });
    const reader = response.body.getReader();
    await reader.read();
    if (response.headers.get('x-replica') === replica) return reader;
    await reader.cancel();
  }
}

async function restOf(reader) {
  let text = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += Buffer.from(part.value);
  return text;
}

/** Runs `act` in the middle of a load. `act` returns its time: what it waits for first may take seconds under load. @returns all requests, and that time */
async function underLoad(balancer, act) {
  const load = startClients(balancer.url, EACH);
  await until('the load runs', () => load.requests.length >= 4 * EACH);
  const time = await act();
  const before = load.requests.length;
  await until('the load runs on', () => load.requests.length >= before + 4 * EACH);
  const requests = await load.stop();
  await wait(200);
  return { requests, time, faults: requests.filter(({ fault }) => fault) };
}

const ports = [await freePort(), await freePort()];
const replicas = await Promise.all(ports.map(startReplica));
const [one, two] = replicas;
try {
  await whileBalancing(ports, async (balancer) => {
    await step('both replicas answer, and nothing of a request is kept: the same request has the same text on both', async () => {
      await answers(balancer, 'one');
      await answers(balancer, 'two');
      return sameText(balancer);
    });
    await step('a stream comes in pieces', () => inPieces(balancer));

    let broken;
    const killed = await underLoad(balancer, async () => {
      const reader = await begunOn(balancer, 'one');
      const time = performance.now();
      one.kill();
      broken = await restOf(reader).then(
        (text) => `the rest of the stream ended as if it were whole: ${text.slice(-200)}`,
        () => '',
      );
      return time;
    });
    console.log(`${killed.requests.length} requests, ${killed.faults.length} broken by the kill`);
    await step('killed under load: a stream that the replica had begun breaks', () => broken);
    await step('killed under load: no more is lost than it ran', () => (killed.faults.length <= RUNNING ? '' : shown(killed.faults)));
    await step('killed under load: no request is lost that it did not run', () => {
      const others = killed.faults.filter(({ id, begun }) => balancer.served.get(id)?.replica !== 'one' || begun > killed.time + 1000);
      return others.length === 0 ? '' : shown(others.map((request) => ({ ...request, served: balancer.served.get(request.id) })));
    });
    await step('killed under load: a client sees a broken stream as an error, or a status that it sends again', () => {
      const quiet = killed.faults.filter(({ fault }) => fault.thrown === undefined && ![502, 503].includes(fault.status));
      return quiet.length === 0 ? '' : shown(quiet);
    });
    await step('killed under load: the official client notices nothing but in streams', () => {
      const seen = killed.faults.filter(({ kind }) => kind === 'openai, whole');
      return seen.length === 0 ? '' : shown(seen);
    });

    replicas[0] = await startReplica(ports[0]);
    await step('a replica that comes back is asked again', () => answers(balancer, 'one').then(() => ''));

    const statuses = [];
    const stopped = await underLoad(balancer, async () => {
      const url = `http://127.0.0.1:${ports[1]}`;
      const time = performance.now();
      two.stop();
      await until('readyz says 503', async () => (await fetch(`${url}/readyz`)).status === 503);
      // Whoever has not looked yet still gets an answer. That may take longer than the replica hears new connections, so both are asked at once.
      const [late, alive] = await Promise.all([
        fetch(`${url}/v1/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"seed": 1, "max_tokens": 4}',
        }),
        fetch(`${url}/livez`),
      ]);
      statuses.push(late.status, alive.status);
      await Promise.all([late.text(), alive.text()]);
      statuses.push(await two.ended);
      return time;
    });
    console.log(`${stopped.requests.length} requests, ${stopped.faults.length} broken by the stop`);
    await step('stopped under load: readyz says 503 first, while requests are answered; the process ends with 0', () =>
      shown(statuses) === shown([200, 200, 0]) ? '' : shown(statuses),
    );
    await step('stopped under load: nothing is lost, by clients that send nothing again either', () =>
      stopped.faults.length === 0 ? '' : shown(stopped.faults.map((request) => ({ ...request, served: balancer.served.get(request.id) }))),
    );
    await step('stopped under load: the other replica has its requests', () => {
      const after = stopped.requests.filter(({ begun }) => begun > stopped.time + DRAIN * 1000);
      const by = new Set(after.map(({ id }) => balancer.served.get(id)?.replica));
      return shown([...by]) === shown(['one']) ? '' : shown([...by]);
    });

    replicas[0].kill();
    await step('without any replica an error in the shape of OpenAI says to send the request again', async () => {
      const response = await fetch(`${balancer.url}/v1/completions`, { method: 'POST', body: '{}' });
      const { error } = await response.json();
      const got = [response.status, error.code, response.headers.get('retry-after')];
      return [502, 503].includes(got[0]) && ['no_replica', 'replica_lost'].includes(got[1]) && got[2] === '1' ? '' : shown(got);
    });
  });
} finally {
  for (const { kill } of replicas) kill();
}
end();
