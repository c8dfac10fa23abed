import { threadId } from 'node:worker_threads';
import { serveWorker } from './calls.js';
import { Moved } from './messages.js';

// The methods that the threads and processes of the tests run.

const order: string[] = [];
let ends = 0;

serveWorker({
  square: (x: number) => x * x,
  variable: (name: string) => process.env[name],
  /** the bytes that came, doubled, moved back */
  double: (bytes: Uint8Array) => {
    const twice = bytes.map((byte) => 2 * byte);
    return new Moved(twice, [twice.buffer]);
  },
  fail: () => {
    throw Object.assign(new Error('no such whale'), { code: 'MDIFF_WHALE', exitCode: 2 });
  },
  exit: (code: number) => process.exit(code),
  /** sets `flag[0]` to 1, then keeps the thread until it is 2 */
  hold: (flag: Int32Array) => {
    Atomics.store(flag, 0, 1);
    Atomics.wait(flag, 0, 1);
    return 'held';
  },
  slow: async (name: string) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    order.push(name);
    return name;
  },
  order: () => order,
  thread: () => threadId,
  /** how often it was given back */
  ends: () => ends,
  end: () => {
    ends++;
    return true;
  },
});
