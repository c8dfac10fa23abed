// Runs the suites of native TensorFlow: parity of all engines, the contract of an engine, the train command killed and moved.
//   MDIFF_TENSORFLOW=<folder of a built @tensorflow/tfjs-node> node checks/native/suite.mjs [Vitest's arguments]
// For example `-t bfloat16`. Prints `N passed, N failed`.
import { fileURLToPath } from 'node:url';
import { runSuite } from '../suite.mjs';

if (!process.env.MDIFF_TENSORFLOW) {
  console.error('MDIFF_TENSORFLOW is not set: run "mdiff engine install tensorflow" and set it to the folder that the command prints');
  console.log('0 passed, 1 failed');
  process.exit(2);
}
await runSuite(fileURLToPath(new URL('vitest.config.ts', import.meta.url)), process.argv.slice(2));
