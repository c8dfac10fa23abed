import { usePage } from './context.js';
import { Pieces } from './pieces.js';
import { Seed } from './player.js';
import { frameOf, type Side } from './state.js';

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
        {frame ? <Pieces frame={frame} before={state.shown > 0 ? frameOf(run, state.shown - 1) : undefined} /> : <span class="mask" />}
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
