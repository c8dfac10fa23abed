// Whole trainings of the preset quickstart_scratch, one process each, for benches that compare their curves.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../tools/workspace.mjs';
import { failure } from './options.mjs';

/** The lines of the metrics of a finished run; undefined if it is not finished. */
export const linesOf = (folder) =>
  existsSync(join(folder, 'model', 'manifest.json'))
    ? readFileSync(join(folder, 'metrics.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : undefined;

/**
 * Trains into outputs/bench-<name> with these settings and returns the lines of its metrics. `finished` decides from them whether a run that is
 * there already is taken as it is; without it the run starts afresh.
 */
export function metricsOf(name, settings, finished = () => false) {
  const folder = join(root, 'outputs', `bench-${name}`);
  const earlier = linesOf(folder);
  if (earlier && finished(earlier)) return earlier;
  const set = [`experiment_name=bench-${name}`, ...settings].flatMap((setting) => ['--set', setting]);
  const { status } = spawnSync(
    process.execPath,
    [join(root, 'apps/mdiff/bin/mdiff.js'), 'train', '--preset', 'quickstart_scratch', '--no-sample', '--fresh', '--yes', ...set],
    { cwd: root, stdio: 'inherit' },
  );
  if (status !== 0) throw failure(`the training "${name}" ended with code ${status}; its messages are above`);
  return linesOf(folder);
}
