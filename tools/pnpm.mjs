// `npm run pnpm -- <arguments>` runs the pinned pnpm in the checkout (bootstrap.mjs finds or fetches it).
import { pnpm } from './bootstrap.mjs';
import { slim } from './slim.mjs';
import { execute, root } from './workspace.mjs';

const { command, args } = await pnpm();
process.exitCode = (
  await execute(command, [...args, '--dir', root, ...process.argv.slice(2)], { env: { ONNXRUNTIME_NODE_INSTALL: 'skip' } })
).code;
slim();
