// `npm test`: everything that Node alone can check. The last line is `N passed, N failed`; it counts every check.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { line, tallyVitest } from './tally.mjs';
import { execute, root } from './workspace.mjs';

const bin = (path) => join(root, 'node_modules', path);
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** One check that passes or fails. Its output is printed only if it fails, or if `suspect` matches it because nothing was checked. */
async function check(name, args, env = {}, suspect = undefined) {
  const start = performance.now();
  const { code, text } = await execute(process.execPath, args, { output: 'keep', env });
  const ok = code === 0 && !suspect?.test(text);
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds(start)})`);
  if (!ok) console.log(text.trimEnd());
  return { passed: Number(ok), failed: Number(!ok) };
}

/** Folders whose files must not import each other in a circle, types included (the same as in `npm run circles`). */
const cruised = ['packages', 'apps', 'bench', 'checks', 'examples', 'tools'];

// Without a project graph the boundary rule prints this once per file, and passes.
const skipped = /No cached ProjectGraph/;

/** @param built the tests import what `tsc -b` has just built, and not the sources (vitest.config.ts) */
async function vitest(args, built) {
  const scratch = mkdtempSync(join(tmpdir(), 'mdiff-test-'));
  const file = join(scratch, 'report.json');
  try {
    const { code } = await execute(
      process.execPath,
      [
        bin('vitest/vitest.mjs'),
        'run',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${file}`,
        `--reporter=${join(root, 'tools/slowest.mjs')}`,
        ...args,
      ],
      { output: 'both', env: built ? { MDIFF_BUILT: '1' } : {} },
    );
    const counts = tallyVitest(JSON.parse(readFileSync(file, 'utf8')));
    // An unhandled error fails the run without failing a test.
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    return counts;
  } catch (error) {
    console.error(`Vitest wrote no report: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0, files: 0 };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  await bootstrap();
  const nx = { NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true' };
  const sync = () => check('TypeScript references match the packages (nx sync:check)', [bin('nx/dist/bin/nx.js'), 'sync:check'], nx);
  const circles = () =>
    check('no import circles (dependency-cruiser)', [
      bin('dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.mjs',
      ...cruised,
    ]);
  const dead = () => check('no dead code and no unused dependency (knip)', [bin('knip/bin/knip.js'), '--no-progress']);
  const format = () => check('formatting (prettier)', [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']);
  const types = () => check('types (tsc -b)', [bin('typescript-native/bin/tsc'), '-b']);
  const lint = () => check('lint and package boundaries (eslint)', [bin('eslint/bin/eslint.js'), '.', '--max-warnings=0'], nx, skipped);
  // Each of these keeps one core busy, so two run side by side; the tests use all cores by themselves. Lint comes after sync,
  // because sync writes the project graph that the boundary rule reads.
  const typed = types();
  const side = typed.then(async (first) => [first, await dead(), await format()]);
  const checks = [await sync(), await lint(), await circles(), ...(await side)];
  const tests = await vitest(process.argv.slice(2), (await typed).failed === 0);
  if (tests.skipped > 0) console.log(`${tests.skipped} tests were skipped: they count as neither passed nor failed.`);
  console.log(`${tests.files} test files: ${line(tests)}; other checks: ${checks.filter((one) => one.passed).length} of ${checks.length}.`);
  const total = [...checks, tests].reduce((sum, one) => ({ passed: sum.passed + one.passed, failed: sum.failed + one.failed }), {
    passed: 0,
    failed: 0,
  });
  process.exitCode = total.failed === 0 ? 0 : 1;
  console.log(line(total));
} catch (error) {
  console.error(error.message);
  console.log(line({ passed: 0, failed: 1 }));
  process.exitCode = 1;
}
