import { usePage } from './context.js';
import type { Written } from './client.js';
import { marksOf } from './frames.js';
import { stretchesOf, type Stretch } from './marks.js';
import { Coloured, Pieces } from './pieces.js';
import { Seed } from './player.js';
import { frameBefore, frameOf, type Run, type Side } from './state.js';

/** Two texts of the same request, side by side. */
export function Comparison() {
  const { state } = usePage();
  if (state.compare === null || (!state.runs.a && !state.runs.b)) return null;
  return (
    <div class="pair">
      <Card side="a" />
      <Card side="b" />
    </div>
  );
}

function Card({ side }: { side: Side }) {
  const { session, state } = usePage();
  const run = state.runs[side];
  if (!run) return null;
  const name = side.toUpperCase();
  const frame = frameOf(run, state.shown);
  const whole = run.result && state.shown >= run.frames.length - 1;
  return (
    <article class="card" aria-label={`Text ${name}`}>
      <h2>
        <span class="badge">{name}</span> {run.model}
      </h2>
      <p class="prose">
        {whole ? <Coloured stretches={coloursOf(run, run.result!)} /> : <Pieces frame={frame} before={frameBefore(run, state.shown)} />}
      </p>
      <footer>
        {run.result && <Seed seed={run.result.seed} took={run.took} />}
        <button type="button" disabled={!whole} onClick={() => session.send({ type: 'taken', side })}>
          Take {name}
        </button>
      </footer>
    </article>
  );
}

/** The finished text, which may be longer than the model's window, and so than any step. */
const coloursOf = ({ frames }: Run, { text }: Written): Stretch[] =>
  stretchesOf(
    text,
    marksOf(frames.at(-1), text).map((mark) => ({ ...mark, kind: 'mark' as const })),
  );
