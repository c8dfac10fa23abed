// Loaded into a server before its program (node --import): answers, on a pipe, how long its event loop was held up since the last question, or since the
// server listens.
// By the clock a loaded machine stretches everything, so the longest stretch of work is also given in processor time of the thread (Linux).
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createServer, Server } from 'node:net';
import { isMainThread } from 'node:worker_threads';

const EVERY = 5;
const processorTime = () => Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ', 1)[0]) / 1e6;

if (isMainThread && process.env.MDIFF_BENCH_LOOP !== undefined && process.argv[1]?.includes('main')) {
  const delay = monitorEventLoopDelay({ resolution: EVERY });
  delay.enable();
  let last = processorTime();
  let longest = 0;
  let held = 0;
  setInterval(() => {
    const now = processorTime();
    const stretch = now - last;
    longest = Math.max(longest, stretch);
    if (stretch > 20) held++;
    last = now;
  }, EVERY).unref();
  const reset = () => {
    delay.reset();
    longest = held = 0;
    last = processorTime();
  };
  const { listen } = Server.prototype;
  Server.prototype.listen = function (...args) {
    return listen.apply(this.once('listening', reset), args);
  };
  // The histogram holds the time from one look to the next.
  const ms = (value) => Math.round(Math.max(0, value / 1e5 - EVERY * 10)) / 10;
  createServer((socket) => {
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    const mb = (bytes) => Math.round(bytes / 2 ** 20);
    socket.end(
      JSON.stringify({
        rss: mb(rss),
        heap: mb(heapUsed),
        external: mb(external),
        buffers: mb(arrayBuffers),
        delay_p50: ms(delay.percentile(50)),
        delay_p99: ms(delay.percentile(99)),
        delay_max: ms(delay.max),
        longest_work: Math.round(longest * 10) / 10,
        over_20_ms: held,
      }),
    );
    reset();
  })
    .listen(process.env.MDIFF_BENCH_LOOP)
    .unref();
}
