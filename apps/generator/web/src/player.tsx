import { usePage } from './context.js';
import { PauseIcon, PlayIcon } from './icons.js';
import { Legend } from './pieces.js';
import { isRunning, lastStep, stepInWords } from './state.js';

/** Scrubs through the steps of what was written. */
export function Player() {
  const { session, state } = usePage();
  const last = lastStep(state);
  const { a, b } = state.runs;
  if ((!a && !b) || (a?.frames.length ?? 0) + (b?.frames.length ?? 0) === 0) return null;
  const running = isRunning(state);
  return (
    <section class="player" aria-label="Steps">
      <button
        type="button"
        class="round"
        aria-label={state.playing ? 'Pause' : 'Play the steps again'}
        disabled={running}
        onClick={() => session.send({ type: 'replay', playing: !state.playing })}
      >
        {state.playing ? <PauseIcon /> : <PlayIcon />}
      </button>
      <input
        type="range"
        aria-label="Step"
        aria-valuetext={stepInWords(state)}
        min={0}
        max={last}
        value={state.shown}
        onInput={({ currentTarget: { value } }) => session.send({ type: 'scrubbed', shown: Number(value) })}
      />
      <p class="facts">
        <span>{stepInWords(state)}</span>
        {!b && a?.result && <Seed seed={a.result.seed} took={a.took} />}
      </p>
      <Legend />
    </section>
  );
}

export function Seed({ seed, took }: { seed: number; took: number | undefined }) {
  const { session, state } = usePage();
  const kept = state.settings.seed === seed;
  return (
    <span class="seed">
      {took !== undefined && `${(took / 1000).toFixed(1)} s · `}seed {seed}{' '}
      {!kept && (
        <button type="button" class="link" onClick={() => session.send({ type: 'set', values: { settings: { ...state.settings, seed } } })}>
          keep it
        </button>
      )}
    </span>
  );
}
