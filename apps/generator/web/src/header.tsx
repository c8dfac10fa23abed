import { usePage } from './context.js';
import { LinkIcon, RedoIcon, ThemeIcon, UndoIcon } from './icons.js';
import { fragmentOf } from './share.js';
import { docOf, type State } from './state.js';
import { nextTheme } from './theme.js';

const TABS = [
  ['write', 'Write'],
  ['read', 'Read'],
] as const;

export function Header() {
  const { session, state } = usePage();
  const { past, future } = state.history;
  return (
    <header class="top">
      <h1>
        <span class="logo" aria-hidden="true">
          <i />
          <i />
          <i />
          <i />
        </span>
        mdiff <span class="sub">playground</span>
      </h1>
      <nav class="tabs" aria-label="What to do">
        {TABS.map(([tab, label]) => (
          <button key={tab} type="button" aria-pressed={state.tab === tab} onClick={() => session.send({ type: 'set', values: { tab } })}>
            {label}
          </button>
        ))}
      </nav>
      <div class="tools">
        <button type="button" class="round" aria-label="Undo" disabled={past.length === 0} onClick={() => session.send({ type: 'undo' })}>
          <UndoIcon />
        </button>
        <button type="button" class="round" aria-label="Redo" disabled={future.length === 0} onClick={() => session.send({ type: 'redo' })}>
          <RedoIcon />
        </button>
        <button
          type="button"
          class="round"
          aria-label="Light or dark"
          onClick={() => session.send({ type: 'set', values: { notice: `Colours: ${nextTheme()}.` } })}
        >
          <ThemeIcon />
        </button>
        <button
          type="button"
          class="share"
          onClick={() => void share(state).then((notice) => session.send({ type: 'set', values: { notice } }))}
        >
          <LinkIcon /> Share
        </button>
      </div>
    </header>
  );
}

/** Puts text, settings and seed into the address, and the address into the clipboard. */
async function share(state: State): Promise<string> {
  const seed = state.settings.seed ?? state.runs.a?.result?.seed;
  const compare = state.compare && {
    ...state.compare,
    ...(state.compare.seed === undefined && state.runs.b?.result && { seed: state.runs.b.result.seed }),
  };
  const fragment = fragmentOf({
    text: docOf(state).text,
    settings: { ...state.settings, ...(seed !== undefined && { seed }) },
    placed: state.placed,
    tab: state.tab,
    ...(state.model !== undefined && { model: state.model }),
    ...(compare && { compare }),
  });
  history.replaceState(null, '', fragment);
  try {
    await navigator.clipboard.writeText(location.href);
    return 'The link is in the clipboard.';
  } catch {
    return 'The link stands in the address bar; copy it from there.';
  }
}
