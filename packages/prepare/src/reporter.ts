/** Tells the person who waits how far the preparation of a text is. */
export interface PrepareReporter {
  /** a new part of the work begins: reading, tokenizing, scoring … */
  phase(name: string, detail?: string): void;
  /** part of a phase; the reporter decides how often to show it */
  progress(what: string, done: number, total: number): void;
  note(text: string): void;
}
