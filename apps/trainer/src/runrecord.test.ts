import { describeTime } from '@mdiff/train';
import { expect, it } from 'vitest';
import { pageRecord } from './runrecord.js';

it('the page of a run says where its time went, if the run counted it', () => {
  const overview = { name: 'a', folder: 'outputs/a', run: { step: 3 }, bytes: 0 } as unknown as Parameters<typeof pageRecord>[0];
  const rows = (time: string | undefined): readonly (readonly [string, string])[] =>
    pageRecord(overview, [], { state: 'finished', time }).fingerprint;
  const time = describeTime({ steps: 8, evaluation: 1, checkpoints: 0.6, watching: 0.4 });
  expect(rows(time)).toContainEqual(['time spent on', 'steps 80.0 %, evaluation 10.0 %, checkpoints 6.0 %, watching 4.0 %']);
  expect(rows(undefined).map(([name]) => name)).not.toContain('time spent on');
});

it('a configuration is written in lines that can break between its words', () => {
  const stages = [
    { name: 'text', epochs: 20, masking_rate_range: [0.05, 0.5] },
    { name: 'end', epochs: 1, masking_rate_range: [0, 1] },
  ];
  const config = { 'curriculum.stages': stages, 'data.source': 'a b.txt', 'generation.stop': ['.', '!'], 'model.init_from': null };
  const overview = {
    name: 'a',
    folder: 'outputs/a',
    run: { step: 3, fingerprint: { config, text: { documents: 1, bytes: 9 }, tokenizer: { size: 9 }, plan: { stages: [] } } },
    bytes: 0,
  };
  const { configuration } = pageRecord(overview as unknown as Parameters<typeof pageRecord>[0], [], { state: 'finished', time: undefined });
  expect(configuration).toEqual([
    ['curriculum.stages', 'name: text, epochs: 20, masking_rate_range: [0.05, 0.5]; name: end, epochs: 1, masking_rate_range: [0, 1]'],
    ['data.source', 'a b.txt'],
    ['generation.stop', '[., !]'],
    ['model.init_from', 'null'],
  ]);
});

it('a run that goes on has the steps of its newest line, and no time that is as old as its checkpoint', () => {
  const record = {
    state: 'training',
    step: 100,
    steps: 240,
    seconds: 16,
    engine: 'tfjs',
    device: 'cpu',
    threads: 1,
    precision: 'float32',
    updated: '2026-11-30T10:00:00Z',
  };
  const overview = { name: 'a', folder: 'outputs/a', run: { step: 100, record }, bytes: 0 } as unknown as Parameters<typeof pageRecord>[0];
  const lines = [{ step: 200, stage: 'text', objective: 'diffusion', epoch: 0, loss: 5, lr: 0.1, grad_norm: 1, tokens_per_s: 9 }] as const;
  const figures = (state: 'training' | 'stopped') => pageRecord(overview, lines, { state, time: undefined }).figures;
  expect(figures('training')).toContainEqual(['steps', '200 of 240']);
  expect(figures('training').map(([name]) => name)).not.toContain('time');
  expect(figures('stopped')).toContainEqual(['time', '16 s']);
});
