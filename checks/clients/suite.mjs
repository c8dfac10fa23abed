// `mdiff serve` driven by LangChain and the AI SDK, which npm installs into a scratch folder: 90 MB that no developer's checkout needs.
//   node checks/clients/suite.mjs <model folder> <scratch folder>
// Prints `N passed, N failed`. The `openai` client drives the server in `npm test`, the clients in Python in ../python/clients.py.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execute } from '../../tools/workspace.mjs';
import { counter } from '../count.mjs';
import { whileServing } from '../serve.mjs';

/** The last versions that run on Node 20. */
const CLIENTS = {
  '@ai-sdk/openai': '2.0.131',
  '@ai-sdk/openai-compatible': '1.0.61',
  '@langchain/core': '1.4.0',
  '@langchain/openai': '1.4.7',
  ai: '5.0.277',
  zod: '4.6.7',
};
const TOKEN = 'sk-test';
const PROMPT = 'Call me';

const { check, step, end } = counter();
const [model, scratch] = process.argv.slice(2);

/** Imports a client from the scratch folder. */
async function load(name) {
  const from = createRequire(join(scratch, 'package.json'));
  return import(pathToFileURL(from.resolve(name)).href);
}

const same = (got, expected) => (got === expected && got !== '' ? '' : `expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`);

async function joined(parts) {
  let text = '';
  for await (const part of parts) text += part;
  return text;
}

/** The text that the server writes for what all clients ask. */
async function plain({ url, name }) {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify({ model: name, prompt: PROMPT, max_tokens: 6, seed: 3, temperature: 0.8 }),
  });
  return (await response.json()).choices[0].text;
}

async function langChain({ url, name, expected }) {
  const { OpenAI } = await load('@langchain/openai');
  // This client has no parameter `seed` of its own.
  const options = { model: name, apiKey: TOKEN, maxTokens: 6, temperature: 0.8, maxRetries: 0, configuration: { baseURL: `${url}/v1` } };
  const seeded = new OpenAI({ ...options, modelKwargs: { seed: 3 } });
  await step('LangChain completes', async () => same(await seeded.invoke(PROMPT), expected));
  await step('LangChain streams the same text', async () => same(await joined(await seeded.stream(PROMPT)), expected));
  await step('LangChain sends several prompts, and every parameter at its default', async () => {
    const neutral = new OpenAI({ ...options, topP: 1, frequencyPenalty: 0, presencePenalty: 0, n: 1, bestOf: 1, logitBias: {} });
    const { generations, llmOutput } = await neutral.generate([PROMPT, 'The']);
    return generations.length === 2 && llmOutput.tokenUsage.totalTokens > 0 ? '' : JSON.stringify({ generations, llmOutput });
  });
  await step('LangChain is refused a prompt that is too long', () =>
    seeded.invoke('whale '.repeat(9999)).then(
      (text) => `it got ${text}`,
      ({ code, status }) => same(`${status} ${code}`, '400 context_length_exceeded'),
    ),
  );
}

async function aiSdk({ url, name }) {
  const { generateText, streamText, APICallError } = await load('ai');
  const { createOpenAICompatible } = await load('@ai-sdk/openai-compatible');
  const { createOpenAI } = await load('@ai-sdk/openai');
  const providers = {
    'openai-compatible': createOpenAICompatible({ name: 'mdiff', baseURL: `${url}/v1`, apiKey: TOKEN, includeUsage: true }).completionModel(
      name,
    ),
    openai: createOpenAI({ baseURL: `${url}/v1`, apiKey: TOKEN }).completion(name),
  };
  for (const [kind, completions] of Object.entries(providers)) {
    const request = { model: completions, prompt: PROMPT, maxOutputTokens: 6, seed: 3, temperature: 0.8, maxRetries: 0 };
    await step(`the AI SDK (${kind}) completes, and counts tokens`, async () => {
      const { text, usage, finishReason } = await generateText(request);
      // It sends a conversation, written as one prompt that asks for the next turn.
      return text.trim() !== '' && usage.outputTokens > 0 && ['stop', 'length'].includes(finishReason)
        ? ''
        : JSON.stringify({ text, usage, finishReason });
    });
    await step(`the AI SDK (${kind}) streams the same text`, async () => {
      const { text } = await generateText(request);
      return same(await joined(streamText(request).textStream), text);
    });
    await step(`the AI SDK (${kind}) takes every parameter at its neutral value`, async () => {
      const { text } = await generateText({ ...request, topP: 1, frequencyPenalty: 0, presencePenalty: 0, stopSequences: [] });
      return text === '' ? 'no text' : '';
    });
    await step(`the AI SDK (${kind}) knows the error of a prompt that is too long`, () =>
      generateText({ ...request, prompt: 'whale '.repeat(9999) }).then(
        ({ text }) => `it got ${text}`,
        (error) =>
          APICallError.isInstance(error) && error.statusCode === 400 && !error.isRetryable && error.message.startsWith('prompt: ')
            ? ''
            : String(error),
      ),
    );
  }
}

const withServer = (use) =>
  whileServing([model], { env: { ...process.env, MDIFF_TOKEN: TOKEN } }, async ({ url, model: name }) =>
    use({ url, name, expected: await plain({ url, name }) }),
  );

mkdirSync(scratch, { recursive: true });
writeFileSync(join(scratch, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies: CLIENTS }));
const installed = await execute('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
  cwd: scratch,
  output: 'keep',
});
check('npm installs the clients', installed.code === 0 ? '' : installed.text);
if (installed.code === 0) {
  await withServer(async (server) => {
    await langChain(server);
    await aiSdk(server);
  });
}
end();
