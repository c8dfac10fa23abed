// Clients that ask without a pause, and what became of each request: the official client of OpenAI, which sends again what it may, and `fetch`, which does not.
import { randomUUID } from 'node:crypto';
import OpenAI from 'openai';

const body = (stream) => ({ prompt: 'The', max_tokens: 16, min_tokens: 16, n: 4, seed: 1, temperature: 0.8, ...(stream && { stream }) });

/** One request of `fetch`. @returns undefined for a whole answer, else what the client saw */
async function bare(url, id, stream) {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify(body(stream)),
  });
  const text = await response.text();
  if (response.status !== 200) return { status: response.status, code: JSON.parse(text).error.code };
  if (stream) return text.trimEnd().endsWith('data: [DONE]') ? undefined : { ending: text.slice(-120) };
  return JSON.parse(text).choices.length === 4 ? undefined : { text };
}

async function official(client, id, stream) {
  const answer = await client.completions.create({ model: '', ...body(stream) }, { headers: { 'x-request-id': id } });
  if (!stream) return answer.choices.length === 4 ? undefined : { answer };
  const finished = new Set();
  for await (const { choices } of answer) for (const { index, finish_reason: reason } of choices) if (reason !== null) finished.add(index);
  return finished.size === 4 ? undefined : { finished: [...finished] };
}

/** Four kinds of client, `each` of every kind, until `stop` is called. `stop` returns all requests: their kind, id, times and fault. */
export function startClients(url, each) {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none' });
  const kinds = {
    'fetch, whole': (id) => bare(url, id, false),
    'fetch, stream': (id) => bare(url, id, true),
    'openai, whole': (id) => official(client, id, false),
    'openai, stream': (id) => official(client, id, true),
  };
  const requests = [];
  let going = true;
  const loop = async ([kind, ask]) => {
    while (going) {
      const id = randomUUID();
      const begun = performance.now();
      const fault = await ask(id).catch((error) => ({ thrown: `${error.name}: ${error.message}`, cause: String(error.cause ?? '') }));
      requests.push({ kind, id, begun, ended: performance.now(), ...(fault && { fault }) });
    }
  };
  const all = Promise.all(Object.entries(kinds).flatMap((kind) => Array.from({ length: each }, () => loop(kind))));
  return {
    /** requests that have ended so far */
    requests,
    async stop() {
      going = false;
      await all;
      return requests;
    },
  };
}
