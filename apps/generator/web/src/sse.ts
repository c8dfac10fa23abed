// Server-sent events, as fetch delivers them: a request with a body cannot use EventSource.

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

/** Takes the pieces of a stream and returns the events that are whole. */
export function eventReader(): (chunk: string) => ServerEvent[] {
  let rest = '';
  return (chunk) => {
    const blocks = (rest + chunk).split(/\r?\n\r?\n/);
    rest = blocks.pop()!;
    return blocks.flatMap((block): ServerEvent[] => {
      const lines = block.split(/\r?\n/);
      const field = (name: string): string[] =>
        lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ''));
      const data = field('data');
      return data.length === 0 ? [] : [{ event: field('event')[0] ?? 'message', data: data.join('\n') }];
    });
  };
}
