import { createContext } from 'preact';
import { useContext, useEffect, useReducer } from 'preact/hooks';
import type { Client } from './client.js';
import type { Session } from './session.js';
import type { State } from './state.js';

interface Page {
  readonly session: Session;
  readonly client: Client;
}

export const PageContext = createContext<Page | null>(null);

/** The state, and how to change it. A component that calls this is drawn again at each change. */
export function usePage(): Page & { readonly state: State } {
  const page = useContext(PageContext)!;
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => page.session.subscribe(() => redraw(undefined)), [page]);
  return { ...page, state: page.session.state() };
}
