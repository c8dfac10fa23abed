/** Flat buffers of one training state, all with the layout of the model. */
export interface TrainState {
  params: Float32Array;
  /** Adam moments */
  m: Float32Array;
  v: Float32Array;
  /** averaged weights, when `training.ema_decay` > 0 */
  ema?: Float32Array;
}
