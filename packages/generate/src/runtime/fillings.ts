// Several fillings at a time. The thread that computes goes from pass to pass by itself: fillings join and leave between two passes, and only tokens
// cross to the caller, who asks for news. Knows no runtime.
import type { Turns } from '@mdiff/workers/browser';
import { turn } from '../turn.js';
import { faultOf, type FillFault, type FillProgress, type FillTask, type LocalFilling, type SharedPass } from './filling.js';
import type { OpenFilling, StepFigures } from './session.js';

/** A forward pass and what was drawn from it. */
export interface Pass extends StepFigures {
  /** canvases that it computed */
  readonly rows: number;
}

/** Since the caller last asked. */
export interface FillingNews {
  readonly passes: readonly Pass[];
  /** of fillings that are watched, filled or failed, by the number of each */
  readonly reports: readonly (readonly [filling: number, FillProgress | { readonly error: FillFault }])[];
}

/** Calls into the thread that computes; `filling` is a number that the caller chooses. */
export interface FillingCalls {
  begin(argument: { readonly filling: number; readonly task: FillTask }): Promise<void>;
  /** Resolves when there is news, or nothing left to compute. */
  news(): Promise<FillingNews>;
  end(argument: { readonly filling: number }): Promise<void>;
}

interface Entry {
  readonly local: LocalFilling;
  fault: FillFault | undefined;
}

const reportOf = ({ local, fault }: Entry): FillProgress | { readonly error: FillFault } => (fault ? { error: fault } : local.report());

interface ThreadFillings {
  begin(filling: number, local: LocalFilling, turns: Turns): void;
  news(): Promise<FillingNews>;
  end(filling: number): void;
}

/**
 * In the thread that computes. Each pass takes a turn among the calls, so that one that ends a filling waits for one pass at most. `step` runs a pass
 * for the first of the fillings and for those behind it that fit; those that had no place are first in the next.
 */
export function fillInTurn(step: (some: readonly LocalFilling[]) => Promise<SharedPass>): ThreadFillings {
  const all = new Map<number, Entry>();
  let line: number[] = [];
  let passes: Pass[] = [];
  const changed = new Set<number>();
  let asked: ((news: FillingNews) => void) | null = null;
  let running = false;

  const fail = (filling: number, fault: FillFault): void => {
    all.get(filling)!.fault = fault;
    changed.add(filling);
  };

  async function pass(): Promise<void> {
    const some = line;
    if (some.length === 0) return;
    const start = performance.now();
    const { outcomes, rows, tokens } = await step(some.map((filling) => all.get(filling)!.local));
    // A step of fillings that have nothing left to compute runs no pass.
    if (rows > 0) passes.push({ rows, tokens, ms: performance.now() - start });
    const stepped: number[] = [];
    some.forEach((filling, i) => {
      const outcome = outcomes[i]!;
      if (outcome === 'waits') return;
      if (outcome !== 'stepped') return fail(filling, outcome.error);
      const { local } = all.get(filling)!;
      const filled = local.wanted().length === 0;
      if (filled || local.task.watched) changed.add(filling);
      if (!filled) stepped.push(filling);
    });
    line = [...some.filter((_, i) => outcomes[i] === 'waits'), ...stepped];
  }

  async function run({ take }: Turns): Promise<void> {
    if (running) return;
    running = true;
    try {
      while (line.length > 0) {
        // Calls that have come meanwhile are answered first: fillings join and leave.
        await turn();
        await take(pass);
        tell();
      }
    } catch (error) {
      for (const filling of line) fail(filling, faultOf(error));
      line = [];
      tell();
    }
    running = false;
  }

  function tell(): void {
    if (asked === null || (changed.size === 0 && line.length > 0)) return;
    asked({ passes, reports: [...changed].map((filling) => [filling, reportOf(all.get(filling)!)] as const) });
    asked = null;
    passes = [];
    changed.clear();
  }

  return {
    begin(filling, local, turns) {
      all.set(filling, { local, fault: undefined });
      line.push(filling);
      void run(turns);
    },
    news: () =>
      new Promise((resolve) => {
        asked = resolve;
        tell();
      }),
    end(filling) {
      all.delete(filling);
      line = line.filter((one) => one !== filling);
      changed.delete(filling);
      tell();
    },
  };
}

interface OpenEntry {
  /** arrived, and not yet asked for */
  progress: FillProgress | null;
  fault: Error | undefined;
  /** filled or failed: the thread has nothing more to tell of it */
  done: boolean;
  /** resolves what the caller waits for */
  arrived: () => void;
}

interface RemoteFillings {
  open(task: FillTask): Promise<OpenFilling>;
  /** Fails all that are open. */
  close(reason: Error): void;
}

/** In the caller's thread. */
export function remoteFillings({ begin, news, end }: FillingCalls): RemoteFillings {
  let count = 0;
  const open = new Map<number, OpenEntry>();
  let listening = false;

  const isWaitedFor = (): boolean => [...open.values()].some(({ done }) => !done);

  function failAll(fault: Error): void {
    for (const entry of open.values()) {
      if (entry.done) continue;
      entry.done = true;
      entry.fault = fault;
      entry.arrived();
    }
  }

  async function listen(): Promise<void> {
    if (listening) return;
    listening = true;
    try {
      while (isWaitedFor()) for (const [filling, report] of (await news()).reports) take(open.get(filling), report);
    } catch (error) {
      failAll(error as Error);
    }
    listening = false;
  }

  function take(entry: OpenEntry | undefined, report: FillingNews['reports'][number][1]): void {
    if (!entry || entry.done) return;
    if ('error' in report) entry.fault = Object.assign(new Error(report.error.message), report.error);
    else entry.progress = { events: [...(entry.progress?.events ?? []), ...report.events], results: report.results };
    entry.done = entry.fault !== undefined || entry.progress!.results !== null;
    entry.arrived();
  }

  async function progressOf(entry: OpenEntry): Promise<FillProgress> {
    while (entry.progress === null) {
      if (entry.fault) throw entry.fault;
      await new Promise<void>((resolve) => (entry.arrived = resolve));
    }
    const { progress } = entry;
    entry.progress = null;
    return progress;
  }

  return {
    async open(task) {
      const filling = count++;
      const entry: OpenEntry = { progress: null, fault: undefined, done: false, arrived: () => undefined };
      // News of it may come with those of others, before the thread has answered.
      open.set(filling, entry);
      try {
        await begin({ filling, task });
      } catch (error) {
        open.delete(filling);
        throw error;
      }
      void listen();
      return {
        progress: () => progressOf(entry),
        close: () => {
          open.delete(filling);
          return end({ filling });
        },
      };
    },
    close(reason) {
      failAll(reason);
      for (const filling of open.keys()) end({ filling }).catch(() => undefined);
    },
  };
}
