// Keeps a site that `mdiff export-site` wrote, so that it works offline. The model's files are kept by @mdiff/generate itself.

interface WorkerEvent {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends WorkerEvent {
  readonly request: globalThis.Request;
  respondWith(response: Promise<Response>): void;
}
interface Scope {
  readonly location: { readonly href: string };
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: WorkerEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
}
export {};
const scope = self as unknown as Scope;

const home = scope.registration.scope;
const prefix = `mdiff-site ${home} `;
/** The address of this script holds the version of the site. */
const cacheName = prefix + (new URL(scope.location.href).searchParams.get('v') ?? '');

scope.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      const { files } = (await (await fetch(new URL('site.json', home), { cache: 'no-store' })).json()) as { files: string[] };
      const cache = await caches.open(cacheName);
      await cache.addAll(files.map((file) => new Request(new URL(file, home), { cache: 'reload' })));
      await scope.skipWaiting();
    })(),
  );
});

scope.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((key) => key.startsWith(prefix) && key !== cacheName);
      await Promise.all(old.map((key) => caches.delete(key)));
      await scope.clients.claim();
    })(),
  );
});

scope.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(home)) return;
  const path = request.url.slice(home.length).replace(/[?#].*$/, '');
  if (path.startsWith('model/') && path !== 'model/README.md') return;
  event.respondWith(answer(request, path).then(isolated));
});

async function answer(request: globalThis.Request, path: string): Promise<Response> {
  const cache = await caches.open(cacheName);
  const key = new URL(request.mode === 'navigate' ? './' : path, home).href;
  const kept = await cache.match(key);
  // These two say which version is there; everything else keeps its content under its name.
  const changes = request.mode === 'navigate' || path === 'playground.json';
  if (kept && !changes) return kept;
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(key, response.clone());
    return response.ok || !kept ? response : kept;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

/** With these headers the page may use threads. Many hosts let nobody set them. */
function isolated(response: Response): Response {
  if (response.type === 'opaque' || response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set('cross-origin-opener-policy', 'same-origin');
  headers.set('cross-origin-embedder-policy', 'require-corp');
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
