/** How long the caller's event loop waits while texts are written: tokens drawn in its thread, and in the inference thread. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { generate, type GenerateOptions, type Model } from '@mdiff/generate';

interface Delay {
  name: string;
  /** milliseconds */
  wall: number;
  longest: number;
  /** of the event loop, from 0 to 1 */
  busy: number;
}

export async function delays(model: Model, options: GenerateOptions): Promise<{ equal: boolean; rows: Delay[] }> {
  const rows: Delay[] = [];
  const texts: string[] = [];
  for (const [name, one] of [
    ['in the caller’s thread', { ...model, openFilling: undefined }],
    ['in the inference thread', model],
  ] as const) {
    await generate(one, options); // compiles what is measured
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const before = performance.eventLoopUtilization();
    const began = performance.now();
    const result = await generate(one, options);
    const { utilization } = performance.eventLoopUtilization(before);
    delay.disable();
    rows.push({ name, wall: performance.now() - began, longest: delay.max / 1e6, busy: utilization });
    texts.push(JSON.stringify(result.texts));
  }
  return { equal: texts[0] === texts[1], rows };
}
