// Answers in pieces: server-sent events, as OpenAI's clients read them.
import { PassThrough, type Readable } from 'node:stream';

/**
 * Runs `job` and returns its events. The promise rejects if the job fails before it has begun, so that the client gets a status; a later failure is
 * an event of its own.
 */
export function eventStream<T>(
  job: (onChunk: (chunk: T | null) => void) => Promise<unknown>,
  { errorOf }: { errorOf: (error: Error) => unknown },
): Promise<Readable> {
  const stream = new PassThrough();
  const write = (data: string): void => void stream.write(`data: ${data}\n\n`);
  return new Promise((resolve, reject) => {
    let begun = false;
    const begin = (): void => {
      begun = true;
      resolve(stream);
    };
    // The prompts of an echo come before the first pass; a request that does not fit the model fails in it.
    const waiting: T[] = [];
    const onChunk = (chunk: T | null): void => {
      if (chunk !== null && !begun) return void waiting.push(chunk);
      if (!begun) {
        begin();
        for (const early of waiting.splice(0)) write(JSON.stringify(early));
      }
      if (chunk !== null) write(JSON.stringify(chunk));
    };
    job(onChunk)
      .then(() => {
        onChunk(null);
        write('[DONE]');
      })
      .catch((error: Error) => {
        if (!begun) return reject(error);
        write(JSON.stringify(errorOf(error)));
      })
      .finally(() => stream.end());
  });
}
