import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readMetrics, rewindMetrics } from './metrics.js';

it('numbers that are not finite come back as such, empty places of a list as null, and a rewound file keeps both', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mdiff-metrics-'));
  const path = join(folder, 'metrics.jsonl');
  const lines = [
    { step: 1, loss: NaN, nelbo: 3, nelbo_se: NaN, loss_by_ratio: [null, 2] },
    { step: 2, loss: Infinity },
  ];
  await writeFile(path, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"step":3,"lo`);
  const read = await readMetrics(path);
  expect(read).toEqual([
    { step: 1, loss: NaN, nelbo: 3, nelbo_se: NaN, loss_by_ratio: [null, 2] },
    { step: 2, loss: NaN },
  ]);
  await rewindMetrics(path, 1);
  expect(await readFile(path, 'utf8')).toBe(`${JSON.stringify(lines[0])}\n`);
  await rm(folder, { recursive: true });
});
