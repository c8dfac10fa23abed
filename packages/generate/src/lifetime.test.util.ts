// The child process of lifetime.test.ts: closes models while they compute, prints how each pass ended, and exits in the middle of the last.
import { stream } from '@mdiff/diffusion';
import { loadModel } from './load.js';

const [folder, closes] = [process.argv[2]!, Number(process.argv[3])];
const moment = stream(1, 'close');
const canvas = new Int32Array(32);
const rows = Array.from({ length: 400 }, () => ({ canvas, positions: Int32Array.from({ length: 31 }, (_, i) => i + 1) }));
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

for (let i = 0; i < closes; i++) {
  const model = await loadModel(folder, { threads: 1, verify: false });
  const passes = [0, 1].map(() => model.denoise(rows).then(({ length }) => length, String));
  await wait(30 * moment.next());
  await Promise.all([model.close(), model.close()]);
  console.log(JSON.stringify([...(await Promise.all(passes)), await model.denoise(rows).catch(String)]));
}
const model = await loadModel(folder, { threads: 1, verify: false });
void model.denoise(rows);
await wait(5);
process.exit(3);
