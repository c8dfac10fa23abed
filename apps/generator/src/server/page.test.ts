import { expect, it } from 'vitest';
import { model, start } from './server.test.util.js';

it('tells the playground what holds for each model', async () => {
  const { url } = await start({ sampling: { numSteps: 7, temperature: 0 } });
  const { top_p, sampler, block_length, max_length } = model.generation;
  expect(await (await fetch(`${url}/playground.json`)).json()).toEqual({
    mode: 'server',
    ready: true,
    models: [
      {
        id: model.name,
        max_seq_len: model.config.max_seq_len,
        left_to_right: false,
        generation: { temperature: 0, num_steps: 7, top_p, sampler, block_length, max_length },
      },
    ],
  });
});

it('names no model before it is loaded, and none without the token', async () => {
  const loading = await start({ model: new Promise<typeof model>(() => undefined) });
  expect(await (await fetch(`${loading.url}/playground.json`)).json()).toEqual({ mode: 'server', ready: false, models: [] });
  const guarded = await start({ token: 'secret' });
  expect((await fetch(`${guarded.url}/playground.json`)).status).toBe(401);
});
