// Runs the suites of ONNX Runtime's WebGPU provider: parity with the processor, the contract of an engine, the train command.
//   node checks/webgpu/suite.mjs device [Vitest's arguments]      on this machine's GPU
//   node checks/webgpu/suite.mjs <folder> [Vitest's arguments]    on SwiftShader, fetched into the folder from npm (70 MB); Linux, x64
// Prints `N passed, N failed`.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runSuite } from '../suite.mjs';
import { swiftShader } from './swiftshader.mjs';

const [where, ...args] = process.argv.slice(2);
if (!where) {
  console.error('checks/webgpu/suite.mjs: name "device" (this machine\'s GPU) or a folder for SwiftShader');
  console.log('0 passed, 1 failed');
  process.exit(2);
}
const env = where === 'device' ? {} : await swiftShader(resolve(where));
await runSuite(fileURLToPath(new URL('vitest.config.ts', import.meta.url)), args, env);
