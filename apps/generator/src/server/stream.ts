// Answers in pieces: server-sent events, as OpenAI's clients read them.
import { PassThrough, type Readable } from 'node:stream';

/** Bytes that a client may leave unread before {@link Events.extra} sends it no more. */
const UNREAD = 2 ** 18;

/** A job tells of its answer through these while it works. */
export interface Events<T> {
  /** an event of the answer; those before the first pass wait for it */
  send(chunk: T): void;
  /** a pass is over: from now on the client has its status, and a failure is an event */
  begun(): void;
  /** an event beside the answer, by its name; left out for a client that reads too slowly */
  extra(name: string, data: unknown): void;
}

/**
 * Runs `job` and returns its events. The promise rejects if the job fails before it has begun, so that the client gets a status; a later failure is
 * an event of its own.
 */
export function eventStream<T>(
  job: (events: Events<T>) => Promise<unknown>,
  { errorOf }: { errorOf: (error: Error) => unknown },
): Promise<Readable> {
  const stream = new PassThrough();
  const write = (data: string): void => void stream.write(`data: ${data}\n\n`);
  return new Promise((resolve, reject) => {
    let hasBegun = false;
    // The prompts of an echo come before the first pass; a request that does not fit the model fails in it.
    const early: T[] = [];
    const events: Events<T> = {
      send: (chunk) => void (hasBegun ? write(JSON.stringify(chunk)) : early.push(chunk)),
      begun() {
        if (hasBegun) return;
        hasBegun = true;
        resolve(stream);
        for (const chunk of early.splice(0)) write(JSON.stringify(chunk));
      },
      extra(name, data) {
        events.begun();
        if (stream.writableLength + stream.readableLength < UNREAD) stream.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
      },
    };
    job(events)
      .then(() => {
        events.begun();
        write('[DONE]');
      })
      .catch((error: Error) => {
        if (!hasBegun) return reject(error);
        write(JSON.stringify(errorOf(error)));
      })
      .finally(() => stream.end());
  });
}
