import type { ParamLayout } from '@mdiff/model';
import type { Update } from '../engine.js';
import type { TrainState } from '../state.js';
import type { SavedModel } from './savedmodel.js';
import type { ModelSetting } from './signatures.js';
import { initFeeds, stateFrom } from './variables.js';

// The loaded SavedModel and the training state in its variables. The model is made when it is first needed, and made anew, with the state
// carried over, when an update wants other constants.

export interface Resident {
  /** The model with the state in it, made for `update`. */
  model(update?: Update): Promise<SavedModel>;
  /** A copy of the state. */
  read(): Promise<TrainState>;
  /** A copy of the gradient since the last update; zeros if there is none. */
  gradient(): Promise<Float32Array>;
  /** Takes over another state; it reaches the variables before they are next used. */
  replace(state: TrainState): void;
  /** Zeroes the Adam moments. */
  resetMoments(): Promise<void>;
  /** batches in the gradient's sum */
  accumulated: number;
}

const sameSetting = (a: ModelSetting, b: ModelSetting): boolean => a.beta1 === b.beta1 && a.beta2 === b.beta2 && a.average === b.average;

/** `load` makes and loads the SavedModel. */
export function residentState(layout: ParamLayout, params: Float32Array, load: (setting: ModelSetting) => Promise<SavedModel>): Resident {
  let loaded: { model: SavedModel; setting: ModelSetting } | undefined;
  /** a state that the variables do not hold yet */
  let pending: TrainState | undefined = { params, m: new Float32Array(layout.total), v: new Float32Array(layout.total) };

  const settingFor = (update: Update | undefined): ModelSetting => ({
    beta1: update?.beta1 ?? loaded?.setting.beta1 ?? 0.9,
    beta2: update?.beta2 ?? loaded?.setting.beta2 ?? 0.95,
    average: (update !== undefined && update.ema > 0) || loaded?.setting.average === true || pending?.ema !== undefined,
  });
  const stateInVariables = (): TrainState => stateFrom(layout, loaded!.model.run('read', {}), loaded!.setting.average);
  const gradientInVariables = (): Float32Array =>
    resident.accumulated > 0 ? loaded!.model.run('gradient', {}).gradient! : new Float32Array(layout.total);
  const unload = (): void => {
    loaded?.model.close();
    loaded = undefined;
  };

  const resident: Resident = {
    accumulated: 0,
    model: async (update) => {
      const setting = settingFor(update);
      const fits = loaded !== undefined && sameSetting(loaded.setting, setting);
      if (fits && !pending) return loaded!.model;
      const state = pending ?? stateInVariables();
      if (setting.average) state.ema ??= state.params.slice(); // the average starts from the weights before the first update
      const gradient = gradientInVariables();
      if (!fits) {
        unload();
        loaded = { model: await load(setting), setting };
      }
      loaded!.model.run('init', initFeeds(layout, state, gradient));
      pending = undefined;
      return loaded!.model;
    },
    read: async () => {
      await resident.model();
      return stateInVariables();
    },
    gradient: async () => {
      if (resident.accumulated > 0) await resident.model();
      return gradientInVariables();
    },
    replace: (state) => {
      // Without averaged weights in the new state the model must have none.
      if (loaded?.setting.average && !state.ema) unload();
      pending = state;
      resident.accumulated = 0;
    },
    resetMoments: async () => {
      const state = await resident.read();
      state.m.fill(0);
      state.v.fill(0);
      pending = state;
    },
  };
  return resident;
}
