/** The entry of a record, undefined when it has none: names such as `constructor` must not reach what every object inherits. */
export const ownEntry = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
