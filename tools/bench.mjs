// `npm run bench -- <name> [options]` runs bench/<name>.mjs on the TypeScript sources.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { execute, root, sourceFlags } from './workspace.mjs';

const folder = join(root, 'bench');
const names = readdirSync(folder).filter((file) => file.endsWith('.mjs')).map((file) => file.slice(0, -'.mjs'.length)).sort();
const [name, ...rest] = process.argv.slice(2);

if (name === undefined || !existsSync(join(folder, `${name}.mjs`)) || !names.includes(name)) {
  console.error(`${name === undefined ? 'Name a measurement.' : `No measurement is called "${name}".`} There are: ${names.join(', ')}. Example: npm run bench -- ${names[0]}`);
  process.exitCode = 2;
} else {
  try {
    await bootstrap();
    const { code } = await execute(process.execPath, [...sourceFlags(), join(folder, `${name}.mjs`), ...rest], { env: { ORT_DISABLE_TELEMETRY: '1' } });
    process.exitCode = code;
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
