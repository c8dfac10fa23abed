// Which model the page talks to: that of the server it came from, or the one that lies beside it.
import type { Client } from './client.js';
import { pageBase, token } from './place.js';
import { remoteClient } from './remote.js';
import { switchClient } from './switch.js';

/** `mdiff export-site` writes it into the page: the version of the site. */
const versionOfSite = (): string | undefined => document.querySelector<HTMLMetaElement>('meta[name="mdiff-site"]')?.content;

export async function openClient(): Promise<Client> {
  const version = versionOfSite();
  const openLocal = async (): Promise<Client> => (await import('./local.js')).localClient(pageBase());
  if (version === undefined) return switchClient(remoteClient(pageBase(), token), openLocal);
  // First, so that it keeps everything that the model needs.
  await keepOffline(version);
  return openLocal();
}

/** How long the page waits for its service worker, in ms, before it goes on without. */
const PATIENCE = 15_000;

/** Lets the page work without a network from now on. A browser that has no service workers, or refuses this one, works with the network alone. */
async function keepOffline(version: string): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  const { serviceWorker } = navigator;
  const controlled = new Promise<void>((resolve) => {
    if (serviceWorker.controller) resolve();
    else serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true });
  });
  try {
    const registration = await serviceWorker.register(`sw.js?v=${version}`);
    const failed = new Promise<void>((resolve) => {
      const { installing } = registration;
      installing?.addEventListener('statechange', () => void (installing.state === 'redundant' && resolve()));
    });
    await Promise.race([controlled, failed, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  } catch {
    // such as a private window
  }
}
