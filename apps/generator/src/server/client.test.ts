// The official client drives the server as it drives its own service.
import OpenAI from 'openai';
import { expect, it } from 'vitest';
import { model, start } from './server.test.util.js';

const TOKEN = 'sk-test';

async function client(apiKey = TOKEN): Promise<OpenAI> {
  const { url } = await start({ token: TOKEN, sampling: { blockLength: 4 } });
  return new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
}

it('lists models, completes, fills before a suffix and streams', async () => {
  const openai = await client();
  const names: string[] = [];
  for await (const { id } of openai.models.list()) names.push(id);
  expect(names).toEqual([model.name]);
  expect((await openai.models.retrieve(model.name)).object).toBe('model');
  const request = { model: model.name, prompt: 'Call me', max_tokens: 12, seed: 3, temperature: 0.5 };
  const whole = await openai.completions.create(request);
  expect(whole.choices[0]!.text).toMatch(/^ [A-Za-z. ]+$/);
  const filled = await openai.completions.create({ ...request, suffix: ' the whale.', max_tokens: 3, n: 2 });
  expect(filled.choices).toHaveLength(2);
  const stream = await openai.completions.create({ ...request, stream: true, stream_options: { include_usage: true } });
  let text = '';
  let usage: unknown;
  let pieces = 0;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.text ?? '';
    usage = chunk.usage ?? usage;
    pieces++;
  }
  expect({ text, usage }).toEqual({ text: whole.choices[0]!.text, usage: whole.usage });
  expect(pieces).toBeGreaterThan(3);
});

it('knows the errors by their kind', async () => {
  const openai = await client();
  const failure = async (promise: PromiseLike<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> => {
    try {
      await promise;
    } catch (error) {
      return error as InstanceType<typeof OpenAI.APIError>;
    }
    throw new Error('it did not fail');
  };
  const long = await failure(openai.completions.create({ model: model.name, prompt: 'whale '.repeat(100) }));
  expect(long).toBeInstanceOf(OpenAI.BadRequestError);
  expect([long.code, long.param]).toEqual(['context_length_exceeded', 'prompt']);
  const chat = await failure(openai.chat.completions.create({ model: model.name, messages: [{ role: 'user', content: 'hi' }] }));
  expect(chat).toBeInstanceOf(OpenAI.NotFoundError);
  expect(chat.message).toContain('/v1/completions');
  expect(await failure(openai.models.retrieve('gpt'))).toBeInstanceOf(OpenAI.NotFoundError);
  expect(await failure((await client('wrong')).models.list())).toBeInstanceOf(OpenAI.AuthenticationError);
});
