// Models that run in this browser: `mdiff export-site` put one beside the page, or a server on this machine gives its folders.
import { sampling, type SamplingKey } from '@mdiff/config/sampling';
import { framesOf, generate, infill, loadModel, score, type BrowserModel, type SamplingOptions, type Step } from '@mdiff/generate/browser';
import { ClientError, type Client, type WriteOptions, type Written } from './client.js';
import type { Part } from './gaps.js';
import type { Request } from './request.js';
import type { PageModel } from './settings.js';

/** playground.json */
interface Site {
  readonly ready: boolean;
  readonly models: readonly (PageModel & { readonly folder: string; readonly licences?: readonly string[] })[];
}

export function localClient(base: string): Client {
  let site: Site | undefined;
  const loading = new Map<string, Promise<BrowserModel>>();
  const ready = new Set<string>();
  const url = (path: string): string => new URL(path, base).href;
  const readSite = async (): Promise<Site> => {
    const response = await fetch(url('playground.json'), { cache: 'no-cache' }).catch(() => undefined);
    if (!response?.ok) throw new ClientError('This site is not whole: playground.json is missing. Export it again.');
    return (await response.json()) as Site;
  };
  const open = async (id: string | undefined): Promise<BrowserModel> => {
    site ??= await readSite();
    const chosen = site.models.find((entry) => entry.id === id) ?? site.models[0];
    if (!chosen) throw new ClientError('No model is there yet. Ask again in a moment.');
    const model = await loadModel(url(chosen.folder), { ortFiles: url('ort/') });
    ready.add(chosen.id);
    return model;
  };
  /** The model, from the cache after the first visit. One that did not come is asked for again with the next call. */
  const modelOf = (name: string | undefined): Promise<BrowserModel> => {
    const id = name ?? site?.models[0]?.id ?? '';
    const opened =
      loading.get(id) ??
      open(id).catch((error: Error) => {
        loading.delete(id);
        throw new ClientError(error.message);
      });
    loading.set(id, opened);
    return opened;
  };
  return {
    where: 'browser',
    async models() {
      if (!site?.ready) site = await readSite();
      const { models } = site;
      if (models.length === 0) return { ready: false, models };
      // The page asks again until the first model is there.
      const first = models[0]!.id;
      await Promise.race([modelOf(first), new Promise((resolve) => setTimeout(resolve, 500))]);
      return { ready: site.ready && ready.has(first), models };
    },
    write: async (request, options) => write(await modelOf(request.body['model'] as string | undefined), request, options),
    async score({ model, text, words }, { signal }) {
      const opened = await modelOf(model);
      return shown(signal, async () => {
        const { tokens, bitsPerByte, bitsPerByteError, units } = await score(opened, text, { seed: 1, words, signal });
        return {
          tokens,
          bits_per_byte: bitsPerByte,
          bits_per_byte_error: Number.isNaN(bitsPerByteError) ? null : bitsPerByteError,
          ...(words && { words: units.flatMap((unit) => unit.words ?? []) }),
        };
      });
    },
    async about() {
      site ??= await readSite();
      const { folder, licences = [] } = site.models[0]!;
      const card = await fetch(url(`${folder}README.md`)).catch(() => undefined);
      return { card: card?.ok ? await card.text() : '', licences: licences.map((name) => ({ name, url: url(folder + name) })) };
    },
  };
}

async function write(model: BrowserModel, request: Request, { signal, onFrame }: WriteOptions): Promise<Written> {
  const { call, options } = callOf(request);
  const frameOf = framesOf(model, { first: 0, sampling: options });
  let nfe = 0;
  const onStep = (step: Step): void => {
    const frame = frameOf(step);
    nfe = frame.nfe;
    onFrame(frame);
  };
  return shown(signal, async () => {
    const { texts } = await call(model, { ...options, n: 1, signal, onStep });
    return { text: texts[0]!.text, seed: texts[0]!.seed, nfe };
  });
}

/** A failure of the model as one that the page shows. */
async function shown<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ClientError((error as Error).message);
  }
}

type Watched = SamplingOptions & { n: number; signal: AbortSignal; onStep: (step: Step) => void };

/** The call of @mdiff/generate that answers a request as the server would. */
function callOf({ path, body }: Request): {
  options: SamplingOptions;
  call: (model: BrowserModel, options: Watched) => Promise<{ texts: readonly { text: string; seed: number }[] }>;
} {
  const options = optionsOf(body);
  if (path === 'infill') return { options, call: (model, watched) => infill(model, body['parts'] as Part[], watched) };
  const { prompt, suffix, max_tokens: maxTokens, words_at: wordsAt } = body as Record<string, never>;
  const given = Object.entries({ prompt, suffix, maxTokens, wordsAt }).filter(([, value]) => value !== undefined);
  return { options, call: (model, watched) => generate(model, { ...Object.fromEntries(given), ...watched }) };
}

/** The sampling parameters of a request, as options. */
function optionsOf(body: Request['body']): SamplingOptions {
  const given = (Object.keys(sampling) as SamplingKey[]).flatMap((key) => {
    const row = sampling[key];
    const value = 'parameter' in row ? body[row.parameter] : undefined;
    return value === undefined || value === null ? [] : [[row.option, value]];
  });
  return Object.fromEntries(given) as SamplingOptions;
}
