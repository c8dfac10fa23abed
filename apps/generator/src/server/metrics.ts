// Figures for Prometheus. A registry of its own for each server, so that two in one process do not count together.
import type { Model } from '@mdiff/generate';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Door } from './door.js';
import type { RequestRecord } from './log.js';
import type { Queue } from './queue.js';

export interface Metrics {
  /** After each request; `route` is a pattern such as `/v1/models/:id`. */
  request(record: RequestRecord, route: string): void;
  /** From now on the passes and steps of this model count. */
  loaded(name: string, model: Model): void;
  text(): Promise<string>;
  readonly contentType: string;
}

/** In seconds: from a pass of a tiny model to a request that waits in a long line. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export function createMetrics(queue: Queue, door: Door): Metrics {
  const registers = [new Registry()];
  const byModel = { labelNames: ['model'] as const, registers };
  addGauges(registers, queue, door);
  const requests = new Counter({ name: 'mdiff_requests_total', help: 'Requests answered.', labelNames: ['route', 'status'], registers });
  const seconds = new Histogram({
    name: 'mdiff_request_seconds',
    help: 'Time of a request, its time in line included.',
    labelNames: ['route'],
    buckets: BUCKETS,
    registers,
  });
  const prompt = new Counter({ name: 'mdiff_prompt_tokens_total', help: 'Tokens of prompts.', ...byModel });
  const completion = new Counter({ name: 'mdiff_completion_tokens_total', help: 'Tokens written.', ...byModel });
  const nfe = new Counter({ name: 'mdiff_nfe_total', help: 'Forward passes (NFE), summed over the texts.', ...byModel });
  const stepSeconds = new Histogram({
    name: 'mdiff_step_seconds',
    help: 'Time of a sampling step, which the texts of several requests share.',
    buckets: BUCKETS,
    ...byModel,
  });
  const stepTokens = new Histogram({
    name: 'mdiff_step_tokens',
    help: 'Tokens that a step commits in a text.',
    buckets: [0, 1, 2, 4, 8, 16, 32, 64, 128, 256],
    ...byModel,
  });
  const batch = new Histogram({
    name: 'mdiff_batch_size',
    help: 'Texts, or canvases, that a forward pass computes, of all requests together.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    ...byModel,
  });
  return {
    loaded: (model, { onPass }) =>
      onPass?.((rows, step) => {
        batch.observe({ model }, rows);
        if (!step) return;
        stepSeconds.observe({ model }, step.ms / 1000);
        for (const tokens of step.tokens) stepTokens.observe({ model }, tokens);
      }),
    request({ status, ms, model, ...record }, route) {
      requests.inc({ route, status });
      seconds.observe({ route }, ms / 1000);
      if (model === undefined) return;
      prompt.inc({ model }, record.prompt_tokens ?? 0);
      completion.inc({ model }, record.completion_tokens ?? 0);
      nfe.inc({ model }, record.nfe ?? 0);
    },
    text: () => registers[0]!.metrics(),
    contentType: registers[0]!.contentType,
  };
}

/** The requests that wait and run at the moment of a scrape. */
function addGauges(registers: Registry[], queue: Queue, door: Door): void {
  const gauges: readonly [name: string, help: string, value: () => number][] = [
    ['mdiff_queue_requests', 'Requests that run or wait.', () => queue.size],
    ['mdiff_running_requests', 'Requests that run, in shared forward passes.', () => queue.running],
    ['mdiff_door_requests', 'Requests that wait for a place in line, unread.', () => door.size],
  ];
  for (const [name, help, value] of gauges) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  }
}
