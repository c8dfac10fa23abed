// Workers: functions of another thread, called like one's own. Errors keep their message; the thread ends with `close`.
import { startWorker } from '@mdiff/workers';

const worker = startWorker(new URL('./square.ts', import.meta.url));
console.log(await worker.call<number>('square', 12));
console.log(await worker.call('root', -1).catch((error: Error) => error.message));
await worker.close();

// Prints:
// 144
// the root of -1 is no real number
