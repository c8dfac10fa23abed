/** A training state as flat buffers, all in the layout of the parameters. */
export interface TrainState {
  params: Float32Array;
  /** Adam moments */
  m: Float32Array;
  v: Float32Array;
  /** averaged weights, if `training.ema_decay` > 0 */
  ema?: Float32Array;
}
