import { expect, it } from 'vitest';
import { fixture } from '../fixture.test.util.js';
import { model, start } from './server.test.util.js';

it('tells the playground what holds for each model', async () => {
  const { url } = await start({ sampling: { numSteps: 7, temperature: 0 } });
  const { top_p, sampler, block_length, max_length } = model.generation;
  expect(await (await fetch(`${url}/playground.json`)).json()).toEqual({
    mode: 'server',
    local: false,
    ready: true,
    models: [
      {
        id: model.name,
        folder: 'folders/shifted/',
        max_seq_len: model.config.max_seq_len,
        left_to_right: false,
        generation: { temperature: 0, num_steps: 7, top_p, sampler, block_length, max_length },
      },
    ],
  });
});

it('names no model before it is loaded, and none without the token', async () => {
  const loading = await start({ model: new Promise<typeof model>(() => undefined) });
  expect(await (await fetch(`${loading.url}/playground.json`)).json()).toEqual({ mode: 'server', local: false, ready: false, models: [] });
  const guarded = await start({ token: 'secret' });
  expect((await fetch(`${guarded.url}/playground.json`)).status).toBe(401);
});

it('gives a model folder to visitors only if it may, and nothing that lies beside it', async () => {
  const closed = await start();
  expect((await fetch(`${closed.url}/folders/shifted/manifest.json`)).status).toBe(404);
  const { url } = await start({ folders: new Map([['shifted', fixture]]) });
  const status = async (path: string) => (await fetch(`${url}/${path}`)).status;
  expect(await (await fetch(`${url}/folders/shifted/manifest.json`)).json()).toMatchObject({ format_version: 1 });
  expect(await status('folders/shifted/onnx/model.onnx')).toBe(200);
  for (const path of [
    'folders/plain/manifest.json',
    'folders/shifted/%2e%2e%2fmake.py',
    'folders/shifted/onnx/%2e%2e%2fconfig.json',
    'ort/package.json',
  ])
    expect(await status(path), path).toBe(404);
});
