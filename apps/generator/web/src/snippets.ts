// The request on the screen as code that you can run elsewhere.
import type { Request } from './request.js';

export type Language = 'curl' | 'TypeScript' | 'Python';
export const LANGUAGES: readonly Language[] = ['curl', 'TypeScript', 'Python'];

export interface Snippet {
  readonly request: Request;
  /** of the server, without /v1 */
  readonly base: string;
  /** true where the server wants a token */
  readonly token: boolean;
}

export function snippetOf(language: Language, snippet: Snippet): string {
  return { curl, TypeScript: typescript, Python: python }[language](snippet);
}

const curl = ({ request: { path, body }, base, token }: Snippet): string =>
  [
    `curl -s ${base}/v1/${path}`,
    `-H 'content-type: application/json'`,
    ...(token ? [`-H "authorization: Bearer $MDIFF_TOKEN"`] : []),
    `-d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`,
  ].join(' \\\n  ');

/** The parameters of an OpenAI client; others go beside them. */
const KNOWN = ['model', 'prompt', 'max_tokens', 'temperature', 'seed', 'suffix', 'n', 'stop', 'top_p'];

function typescript({ request: { path, body }, base, token }: Snippet): string {
  const literal = JSON.stringify(body, null, 2);
  if (path === 'completions')
    return [
      `import OpenAI from 'openai';`,
      '',
      `const client = new OpenAI({ baseURL: '${base}/v1', apiKey: ${token ? 'process.env.MDIFF_TOKEN' : "'none'"} });`,
      `const completion = await client.completions.create(${literal}${Object.keys(body).every((name) => KNOWN.includes(name)) ? '' : ' as OpenAI.CompletionCreateParamsNonStreaming'});`,
      'console.log(completion.choices[0].text);',
    ].join('\n');
  return [
    `const response = await fetch('${base}/v1/${path}', {`,
    `  method: 'POST',`,
    `  headers: { 'content-type': 'application/json'${token ? ', authorization: `Bearer ${process.env.MDIFF_TOKEN}`' : ''} },`,
    `  body: JSON.stringify(${literal.replaceAll('\n', '\n  ')}),`,
    '});',
    'const { choices } = await response.json();',
    'console.log(choices[0].text);',
  ].join('\n');
}

function python({ request: { path, body }, base, token }: Snippet): string {
  if (path === 'completions') {
    const known = Object.entries(body).filter(([name]) => KNOWN.includes(name));
    const extra = Object.entries(body).filter(([name]) => !KNOWN.includes(name));
    return [
      ...(token ? ['import os', ''] : []),
      'from openai import OpenAI',
      '',
      `client = OpenAI(base_url="${base}/v1", api_key=${token ? 'os.environ["MDIFF_TOKEN"]' : '"none"'})`,
      'completion = client.completions.create(',
      ...known.map(([name, value]) => `    ${name}=${pythonValue(value)},`),
      ...(extra.length > 0 ? [`    extra_body=${pythonValue(Object.fromEntries(extra))},`] : []),
      ')',
      'print(completion.choices[0].text)',
    ].join('\n');
  }
  return [
    'import json',
    ...(token ? ['import os'] : []),
    'from urllib.request import Request, urlopen',
    '',
    `body = ${pythonValue(body)}`,
    `headers = {"content-type": "application/json"${token ? ', "authorization": "Bearer " + os.environ["MDIFF_TOKEN"]' : ''}}`,
    `request = Request("${base}/v1/${path}", json.dumps(body).encode(), headers)`,
    'print(json.load(urlopen(request))["choices"][0]["text"])',
  ].join('\n');
}

function pythonValue(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(', ')}]`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([name, entry]) => `${JSON.stringify(name)}: ${pythonValue(entry)}`)
      .join(', ')}}`;
  return JSON.stringify(value);
}
