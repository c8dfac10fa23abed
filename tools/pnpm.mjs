// `npm run pnpm -- <arguments>`: the pinned pnpm, wherever it comes from (bootstrap.mjs), run in the checkout.
import { pnpm } from './bootstrap.mjs';
import { execute, root } from './workspace.mjs';

const { command, args } = await pnpm();
process.exitCode = (await execute(command, [...args, '--dir', root, ...process.argv.slice(2)], { env: { ONNXRUNTIME_NODE_INSTALL: 'skip' } })).code;
