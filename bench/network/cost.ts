// The time of a step on N machines: an α–β model (Hockney, 1994, Parallel Computing 20) of the exchange as packages/engine/src/ranks/exchange.ts does it.
// Each rank sends its part of every chunk to each other rank, adds what it gets, and sends the sum to all: two phases of N - 1 messages a chunk, and of
// (N - 1) / N of the gradient in bytes. There is no chain through the ranks.

/** Of a machine and its network. */
export interface Costs {
  /** seconds that a phase waits whatever its size: the round trip, the event loop, the agreement on the step */
  latency: number;
  /** processor seconds of a message */
  message: number;
  /** processor seconds of a byte that is sent and one that is received, with its additions: in float32 and in bfloat16 */
  byte: { float32: number; bfloat16: number };
  /** seconds of a step for each parameter beside passes and exchange: taking the gradient out of the engine and putting the sum in */
  parameter: number;
  /** of the bits of a link, those that carry gradients: headers, acknowledgements and what TCP sends again take the rest */
  share: number;
}

export interface Step {
  /** parameters */
  parameters: number;
  ranks: number;
  /** forward and backward passes of a rank */
  passes: number;
  /** seconds of a pass */
  pass: number;
  exchange: 'ordered' | 'float32' | 'bfloat16';
  /** bytes a second in each direction; Infinity: the processor is the limit */
  bandwidth: number;
}

/** As `chunkFor` in exchange.ts. */
const numbersOfChunk = (ranks: number): number => Math.max(2 ** 18, ranks * 2 ** 12);

/** A phase of the exchange: seconds on the link and on the processor. */
function phase({ parameters, ranks, exchange, bandwidth }: Step, { message, byte }: Costs): { link: number; processor: number } {
  const half = exchange === 'bfloat16';
  const bytes = ((half ? 2 : 4) * parameters * (ranks - 1)) / ranks;
  const messages = Math.ceil(parameters / numbersOfChunk(ranks)) * (ranks - 1);
  return { link: bytes / bandwidth, processor: bytes * (half ? byte.bfloat16 : byte.float32) + messages * message };
}

/** Seconds of a step. The link works while the processor does, and the processor computes passes while the link works; the rest adds up. */
export function secondsOf(step: Step, costs: Costs): number {
  const { passes, pass, parameters, ranks, exchange } = step;
  if (ranks === 1) return passes * pass;
  const { link, processor } = phase(step, costs);
  const last = 2 * costs.latency + 2 * Math.max(link, processor);
  // `ordered` sends the gradient of each pass; all but the last while the next pass is computed.
  const before = exchange === 'ordered' ? (passes - 1) * Math.max(processor, link - pass) : 0;
  return passes * pass + parameters * costs.parameter + before + last;
}

/** Work of N ranks in a step over N times the work of one. */
export const efficiencyOf = (step: Step, costs: Costs): number => (step.passes * step.pass) / secondsOf(step, costs);

/** Bytes of gradient a second on a link of Gb/s; 0: a link without a limit of its own. */
export const bandwidthOf = (gbit: number, { share }: Pick<Costs, 'share'>): number => (gbit === 0 ? Infinity : (gbit * 1e9 * share) / 8);

/** Messages of 16 KiB each way, in a turn that measures them. */
export const MESSAGES = 1000;

export interface ExchangeSample {
  link_gbit: number;
  exchange: string;
  numbers: number;
  ms: number;
  cpu_ms: number;
}

export interface StepSample {
  link_gbit: number;
  passes: number;
  exchange: string;
  step_ms: number;
  /** by the clock, over two ranks that exchange nothing */
  efficiency: number;
  cpu_ms: number;
  one_cpu_ms: number;
}

const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/**
 * The costs that two ranks show. `time` chooses the clock or the processor: on a machine with other work only the processor's is the program's own.
 */
export function calibrate(
  parameters: number,
  exchanges: readonly ExchangeSample[],
  steps: readonly StepSample[],
  time: 'ms' | 'cpu_ms',
): Costs {
  const small = exchanges.filter(({ numbers, exchange }) => numbers < 1 << 16 && exchange !== 'messages');
  const whole = exchanges.filter(({ numbers, link_gbit }) => numbers === parameters && link_gbit === 0);
  const base = middle(small.map((one) => one[time])) / 1000;
  // Two ranks send half of the gradient in each of two phases.
  const byteOf = (half: boolean): number => {
    const samples = whole.filter(({ exchange }) => (exchange === 'bfloat16') === half);
    return Math.max(0, middle(samples.map((one) => one[time])) / 1000 - base) / (parameters * (half ? 2 : 4));
  };
  const byte = { float32: byteOf(false), bfloat16: byteOf(true) };
  // Two phases of one message where none was measured; else what a message takes beside its bytes.
  const many = exchanges
    .filter(({ exchange }) => exchange === 'messages')
    .map((one) => one[time] / 1000 / one.numbers - 2 ** 14 * byte.float32);
  const message = many.length > 0 ? Math.max(0, middle(many)) : base / 2;
  const beside = steps
    .filter(({ passes, exchange, link_gbit }) => passes === 1 && exchange === 'float32' && link_gbit === 0)
    .map(
      ({ step_ms, efficiency, cpu_ms, one_cpu_ms }) =>
        (time === 'ms' ? step_ms * (1 - efficiency) : cpu_ms - one_cpu_ms) / 1000 - base - parameters * 4 * byte.float32,
    );
  const slowest = Math.min(...exchanges.map(({ link_gbit }) => link_gbit).filter((gbit) => gbit > 0));
  const shares = exchanges
    .filter(({ numbers, link_gbit, exchange }) => numbers === parameters && link_gbit === slowest && exchange !== 'bfloat16')
    .map(({ ms }) => (4 * parameters * 8) / (slowest * 1e9) / (ms / 1000 - base));
  return {
    share: shares.length > 0 ? Math.min(1, middle(shares)) : 1,
    latency: base / 2,
    message,
    byte,
    parameter: Math.max(0, middle(beside)) / parameters,
  };
}
