// A model on the server, or the same one in this browser: the visitor chooses, and may change it.
import type { Client } from './client.js';

export interface SwitchClient extends Client {
  /** Goes over to a place; the model there is loaded when the page asks for its models. */
  use(where: Client['where']): Promise<void>;
}

/** Begins with the server. `openLocal` is called at most once, when somebody wants it. */
export function switchClient(remote: Client, openLocal: () => Promise<Client>): SwitchClient {
  let current = remote;
  let local: Promise<Client> | undefined;
  return {
    get where() {
      return current.where;
    },
    async use(where) {
      current = where === 'server' ? remote : await (local ??= openLocal());
    },
    models: () => current.models(),
    write: (request, options) => current.write(request, options),
    score: (question, options) => current.score(question, options),
  };
}
