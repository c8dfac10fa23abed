/** Receives the progress of preparing a text, for the person who waits. */
export interface PrepareReporter {
  /** the next part of the work begins: reading, tokenizing, scoring … */
  phase(name: string, detail?: string): void;
  /** part of a phase; the reporter decides how often to show it */
  progress(what: string, done: number, total: number): void;
  note(text: string): void;
}
