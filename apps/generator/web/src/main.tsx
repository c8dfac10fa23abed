import { render } from 'preact';
import { App } from './app.js';
import { PageContext } from './context.js';
import { openClient } from './open.js';
import { createSession } from './session.js';
import { sharedOf } from './share.js';
import { restoreTheme } from './theme.js';

restoreTheme();
const client = await openClient();
const session = createSession(client, { still: () => matchMedia('(prefers-reduced-motion: reduce)').matches });
const open = (): void => {
  const shared = sharedOf(location.hash);
  if (shared) session.send({ type: 'shared', shared });
};
open();
window.addEventListener('hashchange', open);
render(
  <PageContext.Provider value={{ session, client }}>
    <App />
  </PageContext.Provider>,
  document.getElementById('app')!,
);
void session.connect();
