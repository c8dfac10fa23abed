import { above, between, int, num, oneOf, section } from './kinds.js';

/** Section `hardware`: the budget a run has to fit. */
export const HardwareConfigSchema = section('Hardware', 'The budget a run has to fit', {
  max_vram_gb: num(
    above(0, 4096),
    8,
    16,
    'usable memory in warning W4 and the suggested batch',
    'GB = 10⁹ bytes; budget of the training device, also on cpu',
  ),
  memory_safety_margin: num(between(0, 0.9), 0.1, 0.2, 'usable = `max_vram_gb`·(1 − margin)'),
  bytes_per_param: oneOf([2, 4], 4, 2, 'state term of the estimate', '2 only where the engine stores weights in 16 bits, else N10'),
  memory_multiplier: num(
    between(1, 16),
    3,
    4,
    'state term = params × bytes × max(this, needed)',
    'AdamW needs 4, 5 with EMA; a lower value, if set, gives W5',
  ),
  cpu_threads: int(
    0,
    1024,
    0,
    2,
    "threads of the compute engine; 0 = all that this process may use: affinity and a container's quota count",
    'where cores have two hardware threads, 0 takes one or both of each, by the same trial as `engine: auto`',
  ),
});
