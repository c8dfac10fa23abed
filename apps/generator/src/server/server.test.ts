import { rank, type Model } from '@mdiff/generate';
import { afterAll, describe, expect, it } from 'vitest';
import type { ErrorBody } from './errors.js';
import type { Chunk, Completion } from './schema.js';
import { LIMIT, model, open, slow, start, until } from './server.test.util.js';

describe('completions', () => {
  it('answers in the shape of the OpenAI API', async () => {
    const { post } = await start();
    const response = await post({
      prompt: 'Call me',
      max_tokens: 6,
      seed: 7,
      temperature: 0.5,
      n: 2,
      model: 'shifted',
      user: 'u',
      stream: false,
    });
    expect(response.status).toBe(200);
    const body = (await response.json()) as Completion;
    expect(body).toMatchObject({ object: 'text_completion', model: 'shifted', seed: 7 });
    expect(body.id).toMatch(/^cmpl-/);
    expect(body.choices.map(({ index }) => index)).toEqual([0, 1]);
    for (const choice of body.choices) {
      expect(choice).toEqual({
        index: choice.index,
        text: expect.stringMatching(/^ [A-Za-z. ]+$/) as string,
        logprobs: null,
        finish_reason: expect.stringMatching(/^(stop|length)$/) as string,
      });
    }
    const { prompt_tokens, completion_tokens, total_tokens } = body.usage;
    expect(prompt_tokens).toBe(2);
    expect(completion_tokens).toBeGreaterThan(0);
    expect(completion_tokens).toBeLessThanOrEqual(12);
    expect(total_tokens).toBe(prompt_tokens + completion_tokens);
  });

  it('gives the same text for the same seed and reports the seed it took when none was given', async () => {
    const { post } = await start();
    const ask = async (body: object) => (await (await post(body)).json()) as Completion;
    const first = await ask({});
    const again = await ask({ seed: first.seed });
    expect(again.choices).toEqual(first.choices);
    expect((await ask({ seed: (first.seed + 1) % 2 ** 32 })).choices).not.toEqual(first.choices);
  });

  it('takes suffix, stop and nulls', async () => {
    const { post } = await start({ sampling: { seed: 3 } });
    const filled = (await (await post({ prompt: 'Call me', suffix: ' the whale.', max_tokens: 2 })).json()) as Completion;
    expect(filled.usage.completion_tokens).toBeLessThanOrEqual(2);
    const nulls = {
      prompt: null,
      suffix: null,
      max_tokens: null,
      temperature: null,
      top_p: null,
      n: null,
      seed: null,
      stop: null,
      stream: null,
      user: null,
      model: null,
    };
    expect(((await (await post(nulls)).json()) as Completion).seed).toBe(3);
    const stopped = (await (await post({ temperature: 0, stop: ' and' })).json()) as Completion;
    expect(stopped.choices[0]!.text).toBe('The whale');
  });

  it('takes sampler, steps and block of the request', async () => {
    const { url, post } = await start({ sampling: { minLength: 16, maxLength: 16 } });
    const passes = async (body: object): Promise<number> => {
      const before = await nfe();
      expect((await post({ max_tokens: 12, seed: 1, ...body })).status).toBe(200);
      return (await nfe()) - before;
    };
    const nfe = async (): Promise<number> =>
      Number(/^mdiff_nfe_total\S* (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? 0);
    expect(await passes({ num_steps: 1 })).toBeLessThan(await passes({ num_steps: 6 }));
    // First hitting draws one token a pass, whatever the steps.
    expect(await passes({ num_steps: 1, sampler: 'first_hitting' })).toBeGreaterThan(1);
    const text = async (body: object) => ((await (await post({ max_tokens: 12, seed: 1, ...body })).json()) as Completion).choices[0]!.text;
    expect(await text({ block_length: 1 })).not.toBe(await text({ block_length: 12 }));
    const wrong = (await (await post({ sampler: 'best' })).json()) as ErrorBody;
    expect(wrong.error).toMatchObject({ param: 'sampler', code: 'invalid_value' });
  });

  it('uses the sampling it was started with for what a request leaves out', async () => {
    const { post } = await start({ sampling: { temperature: 0, stop: ['.'], maxLength: 8 } });
    const texts = await Promise.all([1, 2].map(async (seed) => ((await (await post({ seed })).json()) as Completion).choices[0]!.text));
    expect(texts[0]).toBe(texts[1]);
    expect(model.tokenizer.encode(texts[0]!).length).toBeLessThan(8);
  });
});

/** An id of one byte that is no character by itself. */
const LAST_BYTE = Array.from({ length: model.tokenizer.vocabSize - 5 }, (_, i) => i + 5).find((id) =>
  model.tokenizer.decode(Int32Array.of(id)).includes('\ufffd'),
)!;

describe('what clients send', () => {
  const ask = async (post: (body: unknown) => Promise<Response>, body: object): Promise<Completion> => {
    const response = await post(body);
    const answer = (await response.json()) as Completion;
    expect(response.status, JSON.stringify(answer)).toBe(200);
    return answer;
  };

  it('parameters at their neutral values are accepted', async () => {
    const { post } = await start();
    const neutral = {
      model: 'shifted',
      prompt: ['Call me'],
      frequency_penalty: 0,
      presence_penalty: 0,
      logprobs: null,
      logit_bias: null,
      best_of: 1,
      echo: false,
      stream: false,
      stream_options: null,
      max_tokens: 3,
      n: 1,
      seed: null,
      temperature: 0.7,
      top_p: 1,
      suffix: null,
      user: 'u',
      top_k: null,
    };
    await ask(post, neutral);
    await ask(post, { ...neutral, n: 2, best_of: 2, logit_bias: {} });
    await ask(post, { ...neutral, n: 2, best_of: 1, logprobs: false });
    for (const name of Object.keys(neutral)) await ask(post, { max_tokens: 1, [name]: null });
  });

  it('seed −1 draws one, even if the server was started with one', async () => {
    const { post } = await start({ sampling: { seed: 3 } });
    const [first, second] = [await ask(post, { seed: -1, max_tokens: 1 }), await ask(post, { seed: -1, max_tokens: 1 })];
    expect(first.seed).not.toBe(second.seed);
  });

  it('several prompts, as texts or token ids; choice i has seed + i', async () => {
    const { post } = await start();
    const texts = ['Call me', 'The'];
    const ids = texts.map((text) => [...model.tokenizer.encode(text)]);
    const all = await ask(post, { prompt: texts, n: 2, seed: 5, max_tokens: 4 });
    expect(all.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(await ask(post, { prompt: ids, n: 2, seed: 5, max_tokens: 4 })).toMatchObject({ choices: all.choices, usage: all.usage });
    const second = await ask(post, { prompt: ids[1], n: 2, seed: 7, max_tokens: 4 });
    expect(second.choices.map(({ text }) => text)).toEqual(all.choices.slice(2).map(({ text }) => text));
    expect(all.usage.prompt_tokens).toBe(3);
  });

  it('best_of gives the likeliest of several texts, and counts them all', async () => {
    const { post } = await start();
    const request = { prompt: 'Call me', max_tokens: 6, seed: 5, temperature: 2 };
    const all = await ask(post, { ...request, n: 4 });
    const best = await ask(post, { ...request, n: 2, best_of: 4 });
    const ranked = await rank(
      model,
      all.choices.map(({ text }) => `Call me${text}`),
    );
    expect(best.choices.map(({ text }) => `Call me${text}`)).toEqual(ranked.slice(0, 2).map(({ text }) => text));
    expect(best.usage).toEqual(all.usage);
  });

  it('echo gives the prompt back', async () => {
    const { post } = await start();
    const [plain, echo] = [await ask(post, { prompt: 'Call me', seed: 1 }), await ask(post, { prompt: 'Call me', seed: 1, echo: true })];
    expect(echo.choices[0]!.text).toBe(`Call me${plain.choices[0]!.text}`);
  });

  it('streams the same texts in order, then how they ended, the usage and [DONE]', async () => {
    const { post } = await start({ sampling: { blockLength: 4 } });
    const request = { prompt: ['Call me', 'The'], n: 2, seed: 5, echo: true };
    const whole = await ask(post, request);
    const response = await post({ ...request, stream: true, stream_options: { include_usage: true } });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const events = (await response.text()).trimEnd().split('\n\n');
    expect(events.pop()).toBe('data: [DONE]');
    const chunks = events.map((event) => JSON.parse(event.slice('data: '.length)) as Chunk);
    const last = chunks.pop()!;
    expect(last).toMatchObject({ choices: [], usage: whole.usage, seed: 5 });
    const choices = whole.choices.map(({ index }) => {
      const mine = chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.index === index);
      expect(mine.length).toBeGreaterThan(3);
      expect(mine.filter(({ finish_reason }) => finish_reason !== null)).toEqual(mine.slice(-1));
      return { index, text: mine.map(({ text }) => text).join(''), logprobs: null, finish_reason: mine.at(-1)!.finish_reason };
    });
    expect(choices).toEqual(whole.choices);
    for (const chunk of chunks) expect(chunk).toMatchObject({ id: last.id, object: 'text_completion', usage: null });
    expect(await (await post({ stream: true })).text()).not.toContain('usage');
  });

  it('a stream that fails ends with an error', async () => {
    let passes = 0;
    const denoise: Model['denoise'] = (rows) => (passes++ < 2 ? model.denoise(rows) : Promise.reject(new Error('secret path /x')));
    const { post } = await start({ model: Promise.resolve({ ...model, denoise, openFilling: undefined }) });
    const events = (await (await post({ stream: true })).text()).trimEnd().split('\n\n');
    expect(JSON.parse(events.at(-1)!.slice('data: '.length))).toMatchObject({ error: { type: 'server_error', code: 'internal_error' } });
  });

  it('a client that leaves a stream ends the work, and is no fault of the server', async () => {
    let [passes, open] = [0, (): void => undefined];
    const gate = new Promise<void>((resolve) => (open = resolve));
    const denoise: Model['denoise'] = async (rows) => {
      if (passes++ > 0) await gate;
      return model.denoise(rows);
    };
    const seen: Error[] = [];
    const statuses: number[] = [];
    const { app, post } = await start({
      model: Promise.resolve({ ...model, denoise, openFilling: undefined }),
      onError: (error) => seen.push(error),
      onRequest: ({ status }) => statuses.push(status),
    });
    const controller = new AbortController();
    const response = await post({ stream: true, echo: true, prompt: 'Call' }, { signal: controller.signal });
    await response.body!.getReader().read();
    controller.abort();
    await until(() => statuses.length === 1);
    open();
    expect((await post({ max_tokens: 1 })).status).toBe(200);
    await app.close();
    expect([statuses, seen]).toEqual([[499, 200], []]);
    expect(passes).toBeLessThan(6);
  });

  it('logit_bias forbids a token and prefers another', async () => {
    const { post } = await start();
    const id = (text: string): number => model.tokenizer.encode(text)[0]!;
    const written = async (logit_bias: object) =>
      (await ask(post, { prompt: 'Call', temperature: 0, max_tokens: 1, logit_bias })).choices[0]!.text;
    const usual = await written({});
    expect(await written({ [id(usual)]: -100 })).not.toBe(usual);
    expect(await written({ [id(' sea')]: 100 })).toBe(' sea');
  });

  it('words at their places, forbidden and allowed ones, and a least number of tokens', async () => {
    const { post } = await start();
    const written = async (body: object) => (await ask(post, { prompt: 'The', seed: 1, max_tokens: 8, ...body })).choices[0]!.text;
    expect(await written({ words_at: { 0: 'swam', 1: '.' } })).toMatch(/^ swam\./);
    expect(await written({ forbidden_words: ['whale', 'sea'] })).not.toMatch(/\b(whale|sea)\b/);
    expect((await written({ allowed_words: ['whale', 'sea'] })).match(/\p{L}+/gu)!.every((word) => /^(whale|sea)$/i.test(word))).toBe(true);
    const [least, most] = [8, 8];
    expect((await ask(post, { prompt: 'The', min_tokens: least, max_tokens: most })).usage.completion_tokens).toBe(8);
  });

  it('one model by its name, slashes at the end, and chat is named as what is not there', async () => {
    const { url } = await start();
    const listed = (await (await fetch(`${url}/v1/models/`)).json()) as { data: unknown[] };
    expect(await (await fetch(`${url}/v1/models/shifted`)).json()).toEqual(listed.data[0]);
    expect((await fetch(`${url}/v1/models/gpt/`)).status).toBe(404);
    const chat = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"messages":[]}',
    });
    expect(chat.status).toBe(404);
    expect(await chat.json()).toMatchObject({
      error: { code: 'unsupported_endpoint', message: expect.stringContaining('/v1/completions') as string },
    });
  });
});

describe('bad requests', () => {
  const cases: [string, unknown, number, Partial<ErrorBody['error']>][] = [
    [
      'wrong type',
      { prompt: 3 },
      400,
      { param: 'prompt', message: 'prompt: expected a string, a list of strings, a list of token ids, or a list of such lists, got 3' },
    ],
    ['out of range', { temperature: 11 }, 400, { param: 'temperature', message: 'temperature: expected a number <= 10, got 11' }],
    [
      'a word at two meanings',
      { words_at: { 1: 'sea' }, forbidden_words: ['sea'] },
      400,
      { param: 'words_at', message: 'words_at: "sea" is also one of forbidden_words; leave it out of one' },
    ],
    [
      'a word that is none',
      { words_at: { 1: true } },
      400,
      { param: 'words_at', message: 'words_at: expected string or integer, got true' },
    ],
    ['number as text', { max_tokens: '5' }, 400, { param: 'max_tokens' }],
    [
      'unknown parameter',
      { prompt: 'a', top_a: 5 },
      400,
      { param: 'top_a', message: 'top_a: is not supported by this server; leave it out', code: 'unknown_parameter' },
    ],
    [
      'a parameter that is not built',
      { prompt: 'a', presence_penalty: 5 },
      400,
      {
        param: 'presence_penalty',
        message: expect.stringMatching(/^presence_penalty: 5 is not supported by this server: /) as string,
      },
    ],
    ['a penalty', { frequency_penalty: 0.5 }, 400, { param: 'frequency_penalty', code: 'unsupported_parameter' }],
    [
      'too many likely tokens',
      { prompt: 'a', logprobs: 6 },
      400,
      { param: 'logprobs', message: 'logprobs: expected an integer from 0 to 5, got 6' },
    ],
    ['fewer texts than wanted', { n: 3, best_of: 2 }, 400, { param: 'best_of', message: 'best_of: expected at least n (3), got 2' }],
    ['a stream of ranked texts', { best_of: 3, stream: true }, 400, { param: 'best_of', code: 'unsupported_parameter' }],
    ['no prompts', { prompt: [] }, 400, { param: 'prompt' }],
    ['mixed prompts', { prompt: ['a', 7] }, 400, { param: 'prompt' }],
    ['a reserved id', { prompt: [7, 0] }, 400, { param: 'prompt', message: expect.stringMatching(/from 5 to \d+, got 0; /) as string }],
    ['half a character', { prompt: [LAST_BYTE] }, 400, { param: 'prompt', message: expect.stringContaining('no UTF-8 text') as string }],
    ['a bias of no token', { logit_bias: { whale: 1 } }, 400, { param: 'logit_bias' }],
    [
      'a bias out of range',
      { logit_bias: { 7: 101 } },
      400,
      { param: 'logit_bias', message: 'logit_bias: expected a number <= 100, got 101' },
    ],
    ['too many texts', { prompt: Array(8).fill('a'), n: 9 }, 400, { param: 'n' }],
    ['options of no stream', { stream_options: { include_usage: true } }, 400, { param: 'stream_options' }],
    ['padding', { stream: true, stream_options: { include_obfuscation: true } }, 400, { param: 'stream_options' }],
    ['a stream of a prompt too long', { stream: true, echo: true, prompt: 'whale '.repeat(100) }, 400, { param: 'prompt' }],
    ['too many stops', { stop: ['a', 'b', 'c', 'd', 'e'] }, 400, { param: 'stop' }],
    ['not an object', [1], 400, { message: 'body: expected object, got [1]' }],
    ['other model', { model: 'gpt' }, 404, { param: 'model', code: 'model_not_found', message: 'model: expected "shifted", got "gpt"' }],
    [
      'too long',
      { prompt: 'whale '.repeat(100) },
      400,
      {
        param: 'prompt',
        message: expect.stringMatching(/^prompt: expected at most 30 tokens.*max_seq_len 32/) as string,
        code: 'context_length_exceeded',
      },
    ],
  ];
  // They change nothing, so one server answers them all.
  const kept = start().then((server) => {
    open.splice(open.indexOf(server.app), 1);
    return server;
  });
  afterAll(async () => (await kept).app.close());
  it.each(cases)('%s', async (_, body, status, error) => {
    const response = await (await kept).post(body);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error', ...error } });
  });

  it('answers every other mistake with an error object too', async () => {
    const { url, post } = await start({ bodyLimit: 100 });
    const check = async (response: Response, status: number) => {
      expect(response.status).toBe(status);
      expect(((await response.json()) as ErrorBody).error.message).not.toBe('');
    };
    await check(await post({ prompt: 'a'.repeat(200) }), 413);
    await check(await post(0, { body: '{' }), 400);
    await check(await post(0, { body: '' }), 400);
    await check(await post(0, { headers: { 'content-type': 'text/plain' }, body: 'x' }), 415);
    await check(await fetch(`${url}/v1/nothing`), 404);
    await check(await fetch(`${url}/v1/completions`), 404);
  });

  it('keeps its own faults to itself and tells its owner', async () => {
    const seen: Error[] = [];
    const broken: Model = { ...model, denoise: () => Promise.reject(new Error('secret path /x')), openFilling: undefined };
    const { post } = await start({ model: Promise.resolve(broken), onError: (error) => seen.push(error) });
    const response = await post({});
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ error: { type: 'server_error', message: 'the server failed to answer this request' } });
    expect(seen.map(({ message }) => message)).toEqual(['secret path /x']);
  });
});

describe('life of the server', () => {
  it('a model that is closed in the middle of a call whose client has left is no fault', async () => {
    const seen: Error[] = [];
    const statuses: number[] = [];
    let [asked, close] = [0, (): void => undefined];
    const closed = new Promise<void>((resolve) => (close = resolve));
    const openFilling: Model['openFilling'] = async () => {
      asked++;
      await closed;
      throw new Error('the model is closed');
    };
    const { app, post } = await start({
      model: Promise.resolve({ ...model, openFilling }),
      onError: (error) => seen.push(error),
      onRequest: ({ status }) => statuses.push(status),
    });
    const controller = new AbortController();
    const answers = [{}, { stream: true }].map((body) => post(body, { signal: controller.signal }).catch(() => 'left'));
    await until(() => asked === 2);
    controller.abort();
    expect(await Promise.all(answers)).toEqual(['left', 'left']);
    await until(() => statuses.length === 2);
    await app.close();
    close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([statuses, seen]).toEqual([[499, 499], []]);
  });

  it('is healthy at once and ready when the model is', async () => {
    let load!: (model: Model) => void;
    const { url, post } = await start({ model: new Promise((resolve) => (load = resolve)) });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect(await (await fetch(`${url}/v1/models`)).json()).toEqual({ object: 'list', data: [] });
    const early = await post({});
    expect(early.status).toBe(503);
    expect(await early.json()).toMatchObject({ error: { code: 'model_loading' } });
    load(model);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${url}/v1/models`)).json()).toEqual({
      object: 'list',
      data: [{ id: 'shifted', object: 'model', created: Date.UTC(2026, 0, 1) / 1000, owned_by: 'mdiff' }],
    });
  });

  it('has several models, which a request names', async () => {
    const named = (name: string) => ({ name, model: Promise.resolve({ ...model, name }), sampling: { temperature: 0 } });
    const { url, post } = await start({ models: [named('whale'), named('sea')] });
    const listed = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(listed.data.map(({ id }) => id)).toEqual(['whale', 'sea']);
    const answer = (await (await post({ model: 'sea', max_tokens: 1 })).json()) as Completion;
    expect(answer.model).toBe('sea');
    const unnamed = await post({ max_tokens: 1 });
    expect(unnamed.status).toBe(400);
    expect(await unnamed.json()).toMatchObject({
      error: { code: 'model_required', message: 'model: this server has several models; name one: "whale" or "sea"' },
    });
  });

  it('ends a request whose time is over, and says that it need not be sent again', async () => {
    const busy = slow();
    const { post } = await start({ model: Promise.resolve(busy.model), running: 1, timeout: 100 });
    const [running, waiting] = [post({ seed: 1 }), post({ seed: 2 })];
    const refused = await Promise.race([running, waiting]);
    busy.release();
    for (const response of [refused, await running, await waiting]) {
      expect([response.status, response.headers.get('x-should-retry')]).toEqual([503, 'false']);
    }
    expect(((await (await running).json()) as ErrorBody).error.code).toBe('timeout');
  });

  it('refuses more than it can queue, with 429', async () => {
    const busy = slow();
    const { post, url } = await start({ model: Promise.resolve(busy.model), running: 1, waiting: 1, patience: 0 });
    const first = post({ seed: 1 });
    await until(() => busy.passes === 1);
    const second = post({ seed: 2 });
    const third = async () => {
      // The second request may still be on its way.
      for (let attempt = 0; attempt < LIMIT / 100; attempt++) {
        const response = await post({ seed: 3 }, { signal: AbortSignal.timeout(100) }).catch(() => null);
        if (response) return response;
      }
      throw new Error('the server never answered the third request');
    };
    const refused = await third();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'queue_full' } });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    busy.release();
    expect((await first).status).toBe(200);
    expect((await second).status).toBe(200);
  });

  it('stops working for a client that has gone', async () => {
    const busy = slow();
    const seen: Error[] = [];
    const { app, post } = await start({
      model: Promise.resolve(busy.model),
      running: 1,
      waiting: 0,
      patience: 0,
      onError: (error) => seen.push(error),
    });
    const controller = new AbortController();
    const gone = post({ seed: 1 }, { signal: controller.signal });
    await until(() => busy.passes === 1);
    controller.abort();
    await expect(gone).rejects.toThrow();
    let connections = 1;
    await until(() => {
      app.server.getConnections((_, count) => (connections = count));
      return connections === 0;
    });
    busy.release();
    // With no place in line, the next request is taken only once the first has left, after one pass of its many.
    const end = Date.now() + LIMIT;
    let response: Response;
    do response = await post({ seed: 2, max_tokens: 1 });
    while (response.status === 429 && Date.now() < end);
    expect(response.status).toBe(200);
    expect(busy.passes).toBeLessThanOrEqual(3);
    expect(seen).toEqual([]);
  });

  it('finishes what it has begun when it is closed', async () => {
    const busy = slow();
    const { app, post } = await start({ model: Promise.resolve(busy.model) });
    const running = post({ seed: 1 });
    await until(() => busy.passes === 1);
    const closed = app.close();
    busy.release();
    expect((await running).status).toBe(200);
    await closed;
    await expect(post({})).rejects.toThrow();
  });
});
