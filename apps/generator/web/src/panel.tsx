import { useId, useState } from 'preact/hooks';
import { usePage } from './context.js';
import { CloseIcon, DiceIcon } from './icons.js';
import { freshSeed } from './session.js';
import { effective, SAMPLERS, type SamplerName, type Settings } from './settings.js';
import { modelOf } from './state.js';

/** Where the settings have a column of their own (style.css). */
const WIDE = '(min-width: 900px)';

/** The settings of what is written. */
export function Panel() {
  const { state } = usePage();
  const [open, setOpen] = useState(matchMedia(WIDE).matches);
  const model = modelOf(state);
  const values = effective(state.settings, model);
  const { sampler } = values;
  const free = sampler === 'first_hitting' || sampler === 'causal';
  const most = (model?.max_seq_len ?? 512) - 2;
  return (
    <details class="panel" open={open} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Settings</summary>
      <ModelChoice />
      <PlaceChoice />
      <Slider
        name="length"
        label="Length"
        unit="tokens"
        value={values.length}
        min={1}
        max={most}
        step={1}
        hint="the most tokens that Continue adds"
      />
      <Slider
        name="steps"
        label="Steps"
        value={values.steps}
        min={1}
        max={128}
        step={1}
        disabled={free}
        hint={free ? 'this sampler takes one pass a token' : 'fewer are faster, more are better'}
      />
      <Slider
        name="temperature"
        label="Temperature"
        value={values.temperature}
        min={0}
        max={2}
        step={0.05}
        hint="0 takes the likeliest tokens"
      />
      <SamplerChoice value={sampler} leftToRight={model?.left_to_right === true} />
      <Slider
        name="block"
        label="Block"
        unit="tokens"
        value={values.block}
        min={0}
        max={64}
        step={1}
        zero="whole text"
        hint={values.block === 1 ? '1 writes from left to right' : 'a block is filled before the next begins'}
      />
      <SeedField />
      <PlacedWords />
      <CompareChoice />
    </details>
  );
}

function useSettings() {
  const { session, state } = usePage();
  const set = (values: Settings): void => session.send({ type: 'set', values: { settings: { ...state.settings, ...values } } });
  const reset = (name: keyof Settings): void => {
    const settings = Object.fromEntries(Object.entries(state.settings).filter(([key]) => key !== name)) as Settings;
    session.send({ type: 'set', values: { settings } });
  };
  return { settings: state.settings, set, reset };
}

function ModelChoice() {
  const { session, state } = usePage();
  const id = useId();
  const model = modelOf(state);
  return (
    <div class="field">
      <label for={id}>Model</label>
      {state.models.length > 1 ? (
        <select
          id={id}
          value={model?.id}
          onChange={({ currentTarget: { value } }) => session.send({ type: 'set', values: { model: value } })}
        >
          {state.models.map((one) => (
            <option key={one.id}>{one.id}</option>
          ))}
        </select>
      ) : (
        <output id={id}>{model?.id ?? 'loading …'}</output>
      )}
    </div>
  );
}

/** On the server, or in this browser: then nothing that you write leaves it. */
function PlaceChoice() {
  const { session, client, state } = usePage();
  const id = useId();
  // Until the server has said what it has, the field keeps its place: what stands below would jump.
  const waiting = state.models.length === 0;
  if (!client.use || (!state.local && !waiting)) return null;
  return (
    <div class="field">
      <label for={id}>Run</label>
      <select
        id={id}
        value={client.where}
        disabled={!state.ready}
        aria-describedby={`${id}-hint`}
        onChange={({ currentTarget: { value } }) => void session.runOn(value === 'browser' ? 'browser' : 'server')}
      >
        <option value="server">on the server</option>
        <option value="browser">in this browser</option>
      </select>
      <small id={`${id}-hint`}>
        {client.where === 'server'
          ? 'a browser first loads the model'
          : state.ready
            ? 'nothing that you write leaves it'
            : 'loading the model …'}
      </small>
    </div>
  );
}

interface SliderProps {
  name: 'length' | 'steps' | 'temperature' | 'block';
  label: string;
  value: number;
  min: number;
  max: number;
  step: number;
  unit?: string;
  zero?: string;
  hint: string;
  disabled?: boolean;
}

function Slider({ name, label, value, min, max, step, unit = '', zero, hint, disabled = false }: SliderProps) {
  const { settings, set, reset } = useSettings();
  const id = useId();
  const words =
    value === 0 && zero !== undefined ? zero : `${value}${unit === '' ? '' : ` ${value === 1 ? unit.replace(/s$/, '') : unit}`}`;
  return (
    <div class="field">
      <div class="head">
        <label for={id}>{label}</label>
        <output for={id}>{words}</output>
        {settings[name] !== undefined && (
          <button type="button" class="link" aria-label={`reset ${label}`} onClick={() => reset(name)}>
            reset
          </button>
        )}
      </div>
      <input
        id={id}
        type="range"
        min={min}
        max={Math.max(max, value)}
        step={step}
        value={value}
        disabled={disabled}
        aria-valuetext={words}
        aria-describedby={`${id}-hint`}
        onInput={({ currentTarget }) => set({ [name]: Number(currentTarget.value) })}
      />
      <small id={`${id}-hint`}>{hint}</small>
    </div>
  );
}

function SamplerChoice({ value, leftToRight }: { value: SamplerName; leftToRight: boolean }) {
  const { settings, set, reset } = useSettings();
  const id = useId();
  const row = SAMPLERS.find(({ name }) => name === value);
  return (
    <div class="field">
      <div class="head">
        <label for={id}>Sampler</label>
        {settings.sampler !== undefined && (
          <button type="button" class="link" aria-label="reset Sampler" onClick={() => reset('sampler')}>
            reset
          </button>
        )}
      </div>
      <select
        id={id}
        value={value}
        aria-describedby={`${id}-hint`}
        onChange={({ currentTarget }) => set({ sampler: currentTarget.value as SamplerName })}
      >
        {SAMPLERS.filter(({ name }) => leftToRight || name !== 'causal').map(({ name, label }) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
      <small id={`${id}-hint`}>{row?.hint}</small>
    </div>
  );
}

function SeedField() {
  const { settings, set, reset } = useSettings();
  const id = useId();
  return (
    <div class="field">
      <label for={id}>Seed</label>
      <div class="row">
        <input
          id={id}
          type="number"
          min={0}
          max={4294967295}
          step={1}
          placeholder="new each time"
          value={settings.seed ?? ''}
          onInput={({ currentTarget: { value, validity } }) =>
            value === '' ? reset('seed') : validity.valid && set({ seed: Number(value) })
          }
        />
        <button type="button" class="round" aria-label="Draw a seed" onClick={() => set({ seed: freshSeed() })}>
          <DiceIcon />
        </button>
      </div>
    </div>
  );
}

/** Words that must stand at a place of what is written. */
function PlacedWords() {
  const { session, state } = usePage();
  const set = (placed: typeof state.placed): void => session.send({ type: 'set', values: { placed } });
  const change = (i: number, values: Partial<(typeof state.placed)[number]>): void =>
    set(state.placed.map((one, k) => (k === i ? { ...one, ...values } : one)));
  const next = Math.max(0, ...state.placed.map(({ at }) => at)) + 6;
  return (
    <fieldset>
      <legend>Words at places</legend>
      {state.placed.map(({ at, word }, i) => (
        <div key={i} class="row placed">
          <label>
            Token
            <input
              type="number"
              min={0}
              max={9999}
              value={at}
              onInput={({ currentTarget: { value } }) => change(i, { at: Math.max(0, Math.floor(Number(value))) })}
            />
          </label>
          <input
            type="text"
            aria-label={`Word at token ${at}`}
            maxLength={64}
            placeholder="word"
            value={word}
            onInput={({ currentTarget: { value } }) => change(i, { word: value })}
          />
          <button type="button" class="round" aria-label={`Remove “${word}”`} onClick={() => set(state.placed.filter((_, k) => k !== i))}>
            <CloseIcon />
          </button>
        </div>
      ))}
      <button type="button" class="link" onClick={() => set([...state.placed, { at: next, word: '' }])}>
        {state.placed.length === 0 ? 'Place a word in what Continue writes' : 'Place another'}
      </button>
    </fieldset>
  );
}

function CompareChoice() {
  const { session, state } = usePage();
  const id = useId();
  const { compare, models } = state;
  const set = (next: typeof compare): void => {
    session.send({ type: 'dismissed' });
    session.send({ type: 'set', values: { compare: next } });
  };
  return (
    <fieldset>
      <legend>Two at once</legend>
      <label class="check">
        <input type="checkbox" checked={compare !== null} onChange={({ currentTarget: { checked } }) => set(checked ? {} : null)} />
        Compare A and B
      </label>
      {compare !== null && models.length > 1 && (
        <div class="field">
          <label for={`${id}-model`}>Model of B</label>
          <select
            id={`${id}-model`}
            value={compare.model ?? modelOf(state)?.id}
            onChange={({ currentTarget: { value } }) => set({ ...compare, model: value })}
          >
            {models.map((one) => (
              <option key={one.id}>{one.id}</option>
            ))}
          </select>
        </div>
      )}
      {compare !== null && (
        <div class="field">
          <label for={`${id}-seed`}>Seed of B</label>
          <input
            id={`${id}-seed`}
            type="number"
            min={0}
            max={4294967295}
            placeholder="the next one"
            value={compare.seed ?? ''}
            onInput={({ currentTarget: { value, validity } }) => {
              const other = compare.model === undefined ? {} : { model: compare.model };
              if (validity.valid) set(value === '' ? other : { ...other, seed: Number(value) });
            }}
          />
        </div>
      )}
    </fieldset>
  );
}
