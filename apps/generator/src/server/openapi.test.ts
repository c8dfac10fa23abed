import { expect, it } from 'vitest';
import { EXAMPLES } from './docspage.js';
import { openApi, schemas } from './openapi.js';
import { model, start } from './server.test.util.js';

it('names every route, and no other', async () => {
  const { app, url } = await start();
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as typeof openApi;
  expect(document).toEqual(JSON.parse(JSON.stringify(openApi)));
  const documented = Object.entries(openApi.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  );
  // The tree of routes, each below the page's own, /; chat is there only to be refused.
  const routes = app.printRoutes({ commonPrefix: false }).matchAll(/── (\S+) \(([^)]+)\)/g);
  const built = [...routes].flatMap(([, path, methods]) => methods!.split(', ').map((method) => `${method} ${path}`));
  const whole = built.filter((route) => !route.startsWith('HEAD'));
  for (const route of documented) {
    const [method, path] = route.split(' ') as ['GET', string];
    expect(app.hasRoute({ method, url: path }), route).toBe(true);
  }
  expect(whole.length).toBe(documented.length + 1);
});

it('describes the answers as they are', async () => {
  const { url, post } = await start();
  const keys = async (answer: Promise<Response>): Promise<string[]> => Object.keys((await (await answer).json()) as object).sort();
  const ask = (path: string, body: object) =>
    fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  expect(await keys(post({ max_tokens: 1 }))).toEqual([...schemas.Completion.required].sort());
  expect(await keys(ask('/v1/infill', { parts: ['Call me ', { gap: 2 }] }))).toEqual([...schemas.Infilling.required].sort());
  const stream = await ask('/v1/infill', { parts: [{ gap: 2 }], stream: true, stream_options: { denoise: true } });
  const [, frame] = /^event: denoise\ndata: (.*)$/m.exec(await stream.text())!;
  expect(Object.keys(JSON.parse(frame!) as object).sort()).toEqual([...schemas.Frame.required].sort());
  expect(await keys(ask('/v1/edit', { text: 'Call me.' }))).toEqual([...schemas.Editing.required].sort());
  expect(await keys(ask('/v1/score', { text: 'Call me.' }))).toEqual([...schemas.Scoring.required].sort());
  expect(await keys(fetch(`${url}/v1/models/${model.name}`))).toEqual([...schemas.Model.required].sort());
  expect(await keys(fetch(`${url}/v1/models`))).toEqual([...schemas.Models.required].sort());
  expect(await keys(fetch(`${url}/nothing`))).toEqual([...schemas.Error.required].sort());
});

it('shows the document as a page without scripts, whose examples work', async () => {
  const { url } = await start();
  const response = await fetch(`${url}/docs`);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'; style-src 'sha256-");
  const html = await response.text();
  for (const [path, methods] of Object.entries(openApi.paths))
    for (const { summary } of Object.values(methods) as { summary: string }[])
      expect(html).toContain(`${path}</code></h2><p>${summary.slice(0, 10)}`);
  for (const name of Object.keys(schemas)) expect(html).toContain(`<h2 id="${name}">`);
  const links = [...html.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id!);
  for (const id of links) expect(html).toContain(`id="${id}"`);
  expect(html).not.toMatch(/<script|undefined|\[object/);
  for (const [path, body] of Object.entries(EXAMPLES)) {
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })).status, path).toBe(200);
  }
});
