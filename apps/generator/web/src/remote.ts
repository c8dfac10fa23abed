// The server that the page came from. Its address is relative, so a proxy may put the page under any path.
import { ClientError, type Client, type Scored, type Written } from './client.js';
import type { Frame } from './frames.js';
import { eventReader } from './sse.js';
import type { PageModel } from './settings.js';

interface Failure {
  readonly error?: { readonly message?: string; readonly code?: string | null };
}

interface Event extends Failure {
  readonly seed?: number;
  readonly object?: string;
  readonly choices?: readonly { readonly text: string }[];
}

/** @param token returns what the server wants as an API key, if it wants one */
export function remoteClient(base: string, token: () => string): Client {
  const url = (path: string): string => new URL(path, base).href;
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(url(path), {
      ...init,
      headers: { 'content-type': 'application/json', ...(token() !== '' && { authorization: `Bearer ${token()}` }) },
    }).catch((error: Error) => {
      if (error.name === 'AbortError') throw error;
      throw new ClientError('The server does not answer. Is `mdiff serve` still running?');
    });
    if (response.ok) return response;
    const { error } = (await response.json().catch(() => ({}))) as Failure;
    throw new ClientError(error?.message ?? `The server answered with status ${response.status}.`, error?.code ?? null);
  };
  return {
    where: 'server',
    models: async () => (await (await ask('playground.json')).json()) as { ready: boolean; local: boolean; models: PageModel[] },
    async write({ path, body }, { signal, onFrame }) {
      const streamed = { ...body, stream: true, stream_options: { denoise: true } };
      const response = await ask(`v1/${path}`, { method: 'POST', body: JSON.stringify(streamed), signal });
      let text = typeof body['prompt'] === 'string' ? body['prompt'] : '';
      let seed = 0;
      let nfe: number | undefined;
      for await (const { event, data } of eventsOf(response)) {
        if (data === '[DONE]') continue;
        if (event === 'denoise') {
          const frame = JSON.parse(data) as Frame;
          nfe = frame.nfe;
          onFrame(frame);
          continue;
        }
        const { error, choices, object, seed: drawn } = JSON.parse(data) as Event;
        if (error) throw new ClientError(error.message ?? 'The server stopped.', error.code ?? null);
        seed = drawn ?? seed;
        // Completions come in pieces behind the prompt; a filled text comes whole.
        const piece = choices?.[0]?.text;
        if (piece !== undefined) text = object === 'text_completion' ? text + piece : piece;
      }
      return { text, seed, ...(nfe !== undefined && { nfe }) } satisfies Written;
    },
    async score({ model, text, words }, { signal }) {
      const body = JSON.stringify({ model, text, seed: 1, ...(words && { per: 'word' }) });
      const answer = (await (await ask('v1/score', { method: 'POST', body, signal })).json()) as { scores: Scored[] };
      return answer.scores[0]!;
    },
  };
}

async function* eventsOf(response: Response) {
  const read = eventReader();
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield* read(value);
  }
}
