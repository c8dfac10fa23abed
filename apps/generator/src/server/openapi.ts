// The OpenAPI document. Requests are described by the schemas that check them (schema.ts).
import { completionSchema, editSchema, infillSchema, scoreSchema } from './schema.js';

const string = { type: 'string' };
const integer = { type: 'integer' };
const number = { type: 'number' };
const object = (properties: Readonly<Record<string, object>>, optional: readonly string[] = []) => ({
  type: 'object',
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
});
const list = (items: object) => ({ type: 'array', items });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

const usage = object({ prompt_tokens: integer, completion_tokens: integer, total_tokens: integer });
const head = { id: string, created: integer, model: string, seed: integer };
const choice = (finish: readonly (string | null)[]) =>
  object({ index: integer, text: string, logprobs: { anyOf: [ref('LogProbs'), { type: 'null' }] }, finish_reason: { enum: finish } });

export const schemas = {
  CompletionRequest: completionSchema,
  Completion: object({ ...head, object: { const: 'text_completion' }, choices: list(choice(['stop', 'length'])), usage }),
  Chunk: object(
    {
      ...head,
      object: { const: 'text_completion' },
      choices: list(choice(['stop', 'length', null])),
      usage: { anyOf: [usage, { type: 'null' }] },
    },
    ['usage'],
  ),
  LogProbs: object({
    tokens: list(string),
    token_logprobs: list({ type: ['number', 'null'] }),
    top_logprobs: list({ type: ['object', 'null'], additionalProperties: number }),
    text_offset: list(integer),
  }),
  Frame: object({
    object: { const: 'denoise.frame' },
    index: integer,
    step: integer,
    nfe: integer,
    pieces: list(
      object({ text: string, state: { enum: ['given', 'committed', 'provisional', 'mask'] }, confidence: number }, ['confidence']),
    ),
  }),
  InfillRequest: infillSchema,
  Infilling: object({
    ...head,
    object: { const: 'infill' },
    choices: list(object({ index: integer, text: string, fills: list(string) })),
    usage,
  }),
  EditRequest: editSchema,
  Editing: object({
    ...head,
    object: { const: 'edit' },
    choices: list(
      object({ index: integer, text: string, edits: list(object({ start: integer, end: integer, text: string, before: string })) }),
    ),
    usage,
  }),
  ScoreRequest: scoreSchema,
  Scoring: object({
    ...head,
    object: { const: 'score' },
    scores: list(
      object(
        {
          index: integer,
          tokens: integer,
          bytes: integer,
          nats: number,
          nats_per_token: number,
          nats_per_token_error: { type: ['number', 'null'] },
          bits_per_byte: number,
          bits_per_byte_error: { type: ['number', 'null'] },
          words: list(object({ text: string, tokens: integer, nats: number })),
        },
        ['words'],
      ),
    ),
    usage,
  }),
  Model: object({ id: string, object: { const: 'model' }, created: integer, owned_by: string }),
  Models: object({ object: { const: 'list' }, data: list(ref('Model')) }),
  Playground: object({
    mode: { const: 'server' },
    local: { type: 'boolean' },
    ready: { type: 'boolean' },
    models: list(
      object({ id: string, folder: string, max_seq_len: integer, left_to_right: { type: 'boolean' }, generation: { type: 'object' } }),
    ),
  }),
  Status: object({ status: { enum: ['ok', 'ready', 'loading'] } }),
  Error: object({
    error: object({ message: string, type: string, param: { type: ['string', 'null'] }, code: { type: ['string', 'null'] } }),
  }),
};

const json = (schema: object) => ({ 'application/json': { schema } });
const answer = (description: string, schema: object) => ({ description, content: json(schema) });
const failure = answer('an error', ref('Error'));
const get = (summary: string, ok: object, more: object = {}) => ({ get: { summary, responses: { 200: ok, default: failure }, ...more } });
const post = (summary: string, request: string, ok: object) => ({
  post: { summary, requestBody: { required: true, content: json(ref(request)) }, responses: { 200: ok, default: failure } },
});
const open = { security: [] };
const file = { description: 'the file' };
const inPath = (name: string) => ({ name, in: 'path', required: true, schema: string });
const status = (description: string) => answer(description, ref('Status'));
const pieces = (name: string, event: string) => ({
  description: 'the texts, whole or in pieces',
  content: {
    ...json(ref(name)),
    'text/event-stream': {
      schema: {
        type: 'string',
        description: `with "stream": true, ${event} in each data line, then [DONE]; with "stream_options": {"denoise": true} also events "denoise", each with a Frame`,
      },
    },
  },
});

export const openApi = {
  openapi: '3.1.0',
  info: { title: 'mdiff', version: '1', description: 'Masked-diffusion language models: continue a text, fill its gaps.' },
  security: [{}, { token: [] }],
  paths: {
    '/v1/completions': post(
      "Continue prompts, or fill the space before a suffix (OpenAI's completions)",
      'CompletionRequest',
      pieces('Completion', 'a Chunk'),
    ),
    '/v1/infill': post('Fill the gaps of a text', 'InfillRequest', pieces('Infilling', 'an Infilling')),
    '/v1/edit': post('Write some words of a text anew', 'EditRequest', pieces('Editing', 'an Editing')),
    '/v1/score': post('Say how likely the model finds texts', 'ScoreRequest', answer('the figures', ref('Scoring'))),
    '/v1/models': get('List the models', answer('the models that are loaded', ref('Models'))),
    '/v1/models/{id}': get('Describe a model', answer('the model', ref('Model')), {
      parameters: [inPath('id')],
    }),
    '/livez': get('Is the process alive?', status('yes'), open),
    '/healthz': get('The same as /livez', status('yes'), open),
    '/readyz': {
      get: {
        summary: 'Are all models loaded?',
        responses: { 200: status('yes'), 503: status('not yet'), default: failure },
        ...open,
      },
    },
    '/metrics': get('Figures for Prometheus', { description: 'in its text format', content: { 'text/plain': { schema: string } } }),
    '/': get('The playground', { description: 'a page for a browser', content: { 'text/html': { schema: string } } }, open),
    '/assets/{file}': get('A file of the playground', file, { parameters: [inPath('file')], ...open }),
    '/ort/{file}': get('A file of ONNX Runtime for a model in the browser', file, { parameters: [inPath('file')] }),
    '/folders/{id}/{file}': get('A file of a model folder, for the same', file, { parameters: [inPath('id'), inPath('file')] }),
    '/folders/{id}/onnx/{file}': get('A graph of a model folder', file, { parameters: [inPath('id'), inPath('file')] }),
    '/playground.json': get('What the playground shows of the models', answer('the models', ref('Playground'))),
    '/docs': get('This document as a page', { description: 'a page for a browser', content: { 'text/html': { schema: string } } }),
    '/openapi.json': get('This document', answer('OpenAPI 3.1', { type: 'object' })),
  },
  components: { schemas, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
};
