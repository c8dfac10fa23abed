// Requests of clients of all sorts, sent at once: texts whole and in pieces, gaps, edits, likelihoods, clients that leave, and requests that must be refused.
import { setTimeout as wait } from 'node:timers/promises';

const SENTENCE = 'The captain stood upon the deck, and looked over the grey sea.';

/** Numbers from 0 to 1 (mulberry32); the same for the same seed. */
function draws(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Words that no request has held before: what the server keeps of each would grow. */
const words = (draw, count) => Array.from({ length: count }, () => Math.floor(draw() * 2 ** 40).toString(36)).join(' ');
const prompt = (draw) => `${SENTENCE} ${words(draw, Math.floor(draw() * 12))}`;
const json = (path, body, more = {}) => ({ path, body: JSON.stringify(body), ...more });
const text = (draw, more) => ({ prompt: prompt(draw), max_tokens: 4 + Math.floor(draw() * 20), ...more });

/** Each kind by its name: its share of the requests, and how to make one. `status` is what the answer must have, 200 unless given. */
const kinds = {
  plain: { share: 30, make: (draw) => json('/v1/completions', text(draw)) },
  'several texts': { share: 6, make: (draw) => json('/v1/completions', text(draw, { n: 3, seed: -1 })) },
  'left to right': { share: 6, make: (draw) => json('/v1/completions', text(draw, { sampler: 'causal' })) },
  probabilities: { share: 6, make: (draw) => json('/v1/completions', text(draw, { logprobs: 3, echo: true, max_tokens: 6 })) },
  stream: { share: 12, make: (draw) => json('/v1/completions', text(draw, { stream: true, stream_options: { include_usage: true } })) },
  frames: { share: 6, make: (draw) => json('/v1/completions', text(draw, { stream: true, stream_options: { denoise: true } })) },
  infill: { share: 8, make: (draw) => json('/v1/infill', { parts: [prompt(draw), { gap: [1, 4] }, ` ${words(draw, 3)}.`] }) },
  edit: { share: 6, make: (draw) => json('/v1/edit', { text: prompt(draw), share: 0.3 }) },
  score: { share: 6, make: (draw) => json('/v1/score', { text: prompt(draw) }) },
  left: {
    share: 10,
    make: (draw) => json('/v1/completions', text(draw, { stream: draw() < 0.5, max_tokens: 40 }), { leave: Math.floor(draw() * 400) }),
  },
  'no JSON': { share: 1, make: (draw) => ({ path: '/v1/completions', body: `{"prompt": ${words(draw, 1)}`, status: 400 }) },
  'unknown parameter': { share: 1, make: (draw) => json('/v1/completions', text(draw, { whale: 1 }), { status: 400 }) },
  'too long': { share: 1, make: (draw) => json('/v1/completions', { prompt: words(draw, 4_000) }, { status: 400 }) },
  'no such page': { share: 1, make: (draw) => ({ path: `/${words(draw, 1)}`, status: 404 }) },
  page: { share: 1, make: () => ({ path: '/' }) },
  figures: { share: 1, make: () => ({ path: '/metrics' }) },
};

const drawKind = (draw) => {
  const all = Object.entries(kinds);
  let rest = draw() * all.reduce((sum, [, { share }]) => sum + share, 0);
  return all.find(([, { share }]) => (rest -= share) < 0) ?? all[0];
};

/** Sends one request and reads its answer. @returns `answered`, `refused` (429), `left`, or what went wrong */
async function send(url, { path, body, status = 200, leave }) {
  const signal = leave === undefined ? undefined : AbortSignal.timeout(leave);
  const options = body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  try {
    const response = await fetch(url + path, { ...options, signal });
    const answer = await response.text();
    if (response.status === 429) return 'refused';
    if (response.status !== status) return `status ${response.status}, expected ${status}: ${answer.slice(0, 200)}`;
    const broken = answer.startsWith('data:') && !answer.includes('data: [DONE]');
    return broken ? `a stream without its end: ${answer.slice(-200)}` : 'answered';
  } catch (error) {
    return signal?.aborted ? 'left' : `${error.message} (${error.cause?.message ?? ''})`;
  }
}

/** So many clients, each with one request after another, for some seconds. */
export async function mixed({ url, clients, seconds, seed }) {
  const end = performance.now() + seconds * 1000;
  const counts = { answered: 0, refused: 0, left: 0, failed: 0 };
  const client = async (i) => {
    const draw = draws(seed * 1000 + i);
    while (performance.now() < end) {
      const [name, { make }] = drawKind(draw);
      const got = await send(url, make(draw));
      counts[got in counts ? got : 'failed']++;
      if (!(got in counts)) console.error(`${name}: ${got}`);
      // As the answer asks.
      if (got === 'refused') await wait(1000);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, i) => client(i)));
  return counts;
}
