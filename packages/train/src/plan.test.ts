import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readMetrics } from './metrics.js';
import { fittingSteps } from './plan.js';
import type { Costs } from './plan.js';
import { silent } from './reporter.js';
import type { Reporter } from './reporter.js';
import { facts, go, stopAt, tinyRun } from './tiny.test.util.js';

const costs: Costs = { step: 0.5, evaluation: 2, lastEvaluation: 8, save: 1, export: 3 };
const periods = { eval_every: 0, save_every: 0, stages: 1, epochs: 0 };

describe('the steps that fit', () => {
  it('leave time for evaluations, checkpoints and the export', () => {
    // 100 s - 8 - 1 - 3 = 88 s.
    expect(fittingSteps(costs, periods, 100, Infinity)).toBe(176);
    // 50 s of steps, 10 evaluations of 2 s, 6 checkpoints of 1 s, 11 s at the end.
    expect(fittingSteps(costs, { ...periods, eval_every: 10, save_every: 20 }, 87, Infinity)).toBe(100);
    expect(fittingSteps(costs, { ...periods, stages: 3, epochs: 4 }, 100, Infinity)).toBe(148);
  });

  it('are at most those of max_steps, and at least one a stage', () => {
    expect(fittingSteps(costs, periods, 100, 20)).toBe(20);
    expect(fittingSteps(costs, { ...periods, stages: 3 }, 1, Infinity)).toBe(3);
    expect(fittingSteps(costs, { ...periods, stages: 3 }, -10, 20)).toBe(3);
  });
});

describe('a run with max_minutes', () => {
  const folders: string[] = [];
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

  it('says and records its plan, and goes on to the same numbers as a run that has these steps from the start', async () => {
    const training = { max_steps: 12, eval_every: 6, log_every: 2, ema_decay: 0.9 };
    const [timed, plain] = [await tinyRun({ training: { ...training, max_minutes: 3 } }), await tinyRun({ training })];
    folders.push(timed.folder, plain.folder);
    const said: string[] = [];
    const note = (text: string): number => said.push(text);
    const stopping = stopAt(3);
    const left: (number | undefined)[] = [];
    const step: Reporter['step'] = (report, logged) => {
      left.push(report.left);
      stopping.reporter.step(report, logged);
    };
    const { folder: run } = await go(timed.config, { ...stopping, reporter: { ...stopping.reporter, note, step } });
    // The plan measured steps and an evaluation, so the time left is known after the first step.
    expect(left[0]).toBeGreaterThan(0);
    expect(left[0]).toBeLessThan(3 * 60);
    expect(said).toContainEqual(expect.stringMatching(/^12 steps fit in 3 minutes at [\d,]+ tokens\/s, and the plan has no more$/));
    const plan = async (): Promise<unknown> => (JSON.parse(await readFile(join(run, 'run.json'), 'utf8')) as { plan: unknown }).plan;
    expect(await plan()).toEqual({
      steps: 12,
      stages: [{ name: 'text', steps: 12 }],
      measured: { minutes: 3, tokens_per_s: expect.any(Number) as number },
    });
    const before = await plan();
    // The record may be deleted: the checkpoint has the plan too.
    await rm(join(run, 'run.json'));
    const { model } = await go(timed.config, { mode: 'resume', reporter: { ...silent, note } });
    expect(said).toContain('keeping the plan of this run: 12 steps, measured to fit in 3 minutes');
    expect(await plan()).toEqual(before);
    const known: (number | undefined)[] = [];
    const whole = await go(plain.config, { reporter: { ...silent, step: (report) => void known.push(report.left) } });
    // Without a plan the first step tells: its seconds, less those in which the engine made its graph.
    expect(known[0]).toBeGreaterThan(0);
    expect(known[0]).toBeLessThan(3 * 60);
    expect(facts(await readMetrics(join(run, 'metrics.jsonl')))).toEqual(facts(await readMetrics(join(whole.folder, 'metrics.jsonl'))));
    expect(await readFile(join(model!, 'model.safetensors'))).toEqual(await readFile(join(whole.model!, 'model.safetensors')));
  });
});
