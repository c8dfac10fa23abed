import { useState } from 'preact/hooks';
import { usePage } from './context.js';
import { requestOf } from './request.js';
import { LANGUAGES, snippetOf, type Language } from './snippets.js';
import { docOf, mainAction, modelOf } from './state.js';
import { apiBase, token } from './place.js';

/** What the main button would ask for, as code. */
export function Code() {
  const { session, client, state } = usePage();
  const [language, setLanguage] = useState<Language>('curl');
  const [open, setOpen] = useState(false);
  if (client.where !== 'server') return null;
  const { settings, placed } = state;
  const seed = settings.seed ?? state.runs.a?.result?.seed;
  const request = requestOf({ text: docOf(state).text, action: mainAction(state), settings, placed, model: modelOf(state), seed });
  const snippet = snippetOf(language, { request, base: apiBase(), token: token() !== '' });
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(snippet);
    session.send({ type: 'set', values: { notice: `${language} code copied.` } });
  };
  return (
    <details class="code" open={open} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Use this from code</summary>
      {open && (
        <>
          <div class="bar">
            <span class="group" role="group" aria-label="Language">
              {LANGUAGES.map((one) => (
                <button key={one} type="button" aria-pressed={one === language} onClick={() => setLanguage(one)}>
                  {one}
                </button>
              ))}
            </span>
            <button type="button" onClick={() => void copy()}>
              Copy
            </button>
          </div>
          <pre tabIndex={0} role="region" aria-label={`${language} code`}>
            <code>{snippet}</code>
          </pre>
        </>
      )}
    </details>
  );
}
