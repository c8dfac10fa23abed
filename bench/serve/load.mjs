import autocannon from 'autocannon';

/**
 * Clients that each send one request after another for some seconds. `rate`: answered with 200, a second; `p50` to `p99`: ms, of answers with 200
 * alone, so that a server that refuses quickly gains nothing by it; `refused`: 429, the queue is full; `failed`: anything else.
 */
export async function load({ server, url, clients, seconds, body }) {
  const times = [];
  const statuses = new Map();
  const instance = autocannon({
    url: `${url}/v1/completions`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    connections: clients,
    duration: seconds,
    timeout: 120,
  });
  instance.on('response', (_client, status, _bytes, time) => {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status === 200) times.push(time);
  });
  const { errors, timeouts, duration } = await instance;
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? NaN;
  const answered = statuses.get(200) ?? 0;
  const refused = statuses.get(429) ?? 0;
  const others = [...statuses.values()].reduce((sum, count) => sum + count, 0) - answered - refused;
  return {
    server,
    clients,
    rate: answered / duration,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    refused,
    failed: others + errors + timeouts,
  };
}
