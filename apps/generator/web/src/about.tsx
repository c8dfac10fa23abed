import { useEffect, useState } from 'preact/hooks';
import type { About as Shown } from './client.js';
import { usePage } from './context.js';

/** The card and the licence of the model that a site carries. */
export function About() {
  const { client } = usePage();
  const [about, setAbout] = useState<Shown>();
  useEffect(() => void client.about?.().then(setAbout, () => undefined), [client]);
  if (!client.about) return null;
  return (
    <footer class="about">
      <p>The model runs in this browser: nothing that you write leaves this machine.</p>
      {about && (
        <details>
          <summary>About this model</summary>
          {about.licences.map(({ name, url }) => (
            <p key={name}>
              <a href={url}>{name}</a>
            </p>
          ))}
          <pre>{about.card}</pre>
        </details>
      )}
    </footer>
  );
}
