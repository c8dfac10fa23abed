// The OpenAPI document as a page: HTML and one style, no script.
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { openApi, schemas } from './openapi.js';

const STYLE = `:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:auto;padding:1rem}
h2{margin-top:2.5rem;border-top:1px solid #8886;padding-top:1rem}code{font:.9em ui-monospace,monospace}pre{overflow-x:auto;padding:.7rem;border:1px solid #8886}
.scroll{overflow-x:auto}table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.25rem .8rem .25rem 0;border-bottom:1px solid #8884}
a{color:light-dark(#0b57d0,#a8c7fa)}`;

const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly [limit: string]: unknown;
}

interface Operation {
  readonly summary: string;
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema: Schema }>>;

/** A body for each request that has one, which the tests send. */
export const EXAMPLES: Readonly<Record<string, object>> = {
  '/v1/completions': { prompt: 'Call me', max_tokens: 20, seed: 1 },
  '/v1/infill': { parts: ['Call me ', { gap: 4 }, '.'], seed: 1 },
  '/v1/edit': { text: 'The whale swam to the sea.', words: ['whale'], seed: 1 },
  '/v1/score': { text: 'The whale swam to the sea.', seed: 1 },
};

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => ENTITIES[sign]!);
const code = (text: string): string => `<code>${escaped(text)}</code>`;
const anchor = (name: string): string => name.replace(/[^\w]+/g, '-').replace(/^-|-$/g, '') || 'root';

/** A type in words; a schema of the document as a link to it. */
function typeOf(schema: Schema): string {
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1)!;
    return `<a href="#${anchor(name)}">${escaped(name)}</a>`;
  }
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum) return schema.enum.map((value) => code(JSON.stringify(value))).join(' or ');
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(' or ');
  const types = [schema.type ?? 'any'].flat().map((type) => (type === 'array' && schema.items ? `list of ${typeOf(schema.items)}` : type));
  return types.join(' or ');
}

const LIMITS = {
  minimum: '≥',
  exclusiveMinimum: '>',
  maximum: '≤',
  minLength: 'characters ≥',
  maxLength: 'characters ≤',
  minItems: 'entries ≥',
  maxItems: 'entries ≤',
};

function limitsOf(schema: Schema): string {
  const limits = Object.entries(LIMITS).flatMap(([key, sign]) => (schema[key] === undefined ? [] : [`${sign} ${String(schema[key])}`]));
  return escaped([...limits, ...(schema.description ? [schema.description] : [])].join(', '));
}

function fields({ properties = {}, required = [] }: Schema): string {
  const rows = Object.entries(properties).map(
    ([name, schema]) =>
      `<tr><th scope="row">${code(name)}</th><td>${typeOf(schema)}</td><td>${required.includes(name) ? 'always' : ''}</td><td>${limitsOf(schema)}</td></tr>`,
  );
  const head = '<tr><th scope="col">field</th><th scope="col">type</th><th scope="col">required</th><th scope="col">range</th></tr>';
  return rows.length === 0 ? '' : `<div class="scroll"><table><thead>${head}</thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function section(path: string, method: string, { summary, requestBody, responses }: Operation): string {
  const example = EXAMPLES[path];
  const curl = example && `curl http://localhost:8080${path} -H 'content-type: application/json' -d '${JSON.stringify(example)}'`;
  const contents = (content: Content = {}): string =>
    Object.entries(content)
      .map(([type, { schema }]) => `${code(type)} ${typeOf(schema)} ${limitsOf(schema)}`)
      .join('<br>');
  const answers = Object.entries(responses).map(
    ([status, { description, content }]) =>
      `<tr><th scope="row">${escaped(status)}</th><td>${escaped(description)}</td><td>${contents(content)}</td></tr>`,
  );
  return [
    `<h2 id="${anchor(path)}">${code(`${method.toUpperCase()} ${path}`)}</h2><p>${escaped(summary)}</p>`,
    requestBody ? `<p>Body: ${contents(requestBody.content)}</p>` : '',
    curl ? `<pre><code>${escaped(curl)}</code></pre>` : '',
    `<div class="scroll"><table><tbody>${answers.join('')}</tbody></table></div>`,
  ].join('');
}

function page(): string {
  const paths = Object.entries(openApi.paths);
  const links = paths.map(([path]) => `<li><a href="#${anchor(path)}">${escaped(path)}</a></li>`);
  const operations = paths.flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(([method, operation]) => section(path, method, operation)),
  );
  const shapes = Object.entries(schemas).map(
    ([name, schema]) => `<h2 id="${anchor(name)}">${escaped(name)}</h2>${fields(schema as unknown as Schema)}`,
  );
  const { title, description } = openApi.info;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}: HTTP API</title><style>${STYLE}</style></head><body><main><h1>${title}: HTTP API</h1><p>${escaped(description)} This page shows <a href="openapi.json">openapi.json</a>.</p><nav><ul>${links.join('')}</ul></nav>${operations.join('')}${shapes.join('')}</main></body></html>`;
}

export function addDocsPage(app: FastifyInstance): void {
  const html = page();
  app.get('/docs', (_, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .headers({ 'content-security-policy': POLICY, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
      .send(html),
  );
}
