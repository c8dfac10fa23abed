// `npm run bench -- <name> [options]` runs bench/<name>/main.mjs on the TypeScript sources.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { execute, root, sourceFlags } from './workspace.mjs';

const folder = join(root, 'bench');
const entry = (name) => join(folder, name, 'main.mjs');
const names = readdirSync(folder)
  .filter((name) => existsSync(entry(name)))
  .sort();
const [name, ...rest] = process.argv.slice(2);

if (name === undefined || !names.includes(name)) {
  console.error(
    `${name === undefined ? 'npm run bench: name a bench' : `npm run bench: there is no bench "${name}"`}; there are ${names.join(', ')}. Example: npm run bench -- ${names[0]} --help`,
  );
  process.exitCode = 2;
} else {
  try {
    await bootstrap();
    const { code } = await execute(process.execPath, [...sourceFlags(), entry(name), ...rest], { env: { ORT_DISABLE_TELEMETRY: '1' } });
    process.exitCode = code;
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
