import type { UnitOptions } from '@mdiff/curriculum';
import type { VisitedFile } from '@mdiff/text/node';

// Parts of preparing a text that other processes take. @mdiff/train brings them to the other ranks of a run; nothing here knows of MPI.

/** A part of the work. It says all that its result depends on. */
export type Part =
  /** to parse sentences: their features, float32 */
  | { op: 'parse'; sentences: readonly string[] }
  /** to embed sentences: their vectors, float32 */
  | { op: 'embed'; encoder: EncoderName; sentences: readonly string[] }
  /** to keep the tokenizer for the files that follow; it comes with the part, as JSON */
  | { op: 'tokenizer' }
  /** to parse a file, whose bytes come with the part, and cut it: its outline where one is asked for, and a shard for each way of cutting */
  | ({ op: 'file'; outline: boolean; cuts: readonly UnitOptions[] } & Pick<VisitedFile, 'where' | 'format'>);

/** An encoder in a folder, and the version that its files give it. */
export interface EncoderName {
  name: string;
  version: string;
}

/** Another process that takes parts. */
export interface Helper {
  /** worker threads for sentences */
  readonly threads: number;
  /** Parts are done in their order, several at once. Rejects with the error of the part. */
  run(part: Part, bytes?: Uint8Array): Promise<Uint8Array[]>;
}

/** Parts that a helper has in hand, so that it need not wait for a busy process here. */
export const IN_HAND = 2;

/** Runs tasks 0 to `count` − 1. Each lane takes the next one when it is free; after a failure they take no more. */
export async function inLanes<Lane>(
  lanes: readonly Lane[],
  count: number,
  run: (lane: Lane, task: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    lanes.map(async (lane) => {
      while (next < count)
        await run(lane, next++).catch((error: unknown) => {
          next = count;
          throw error;
        });
    }),
  );
}

/** Bytes as float32 numbers. A copy: the bytes of a message or a file need not be aligned. */
export const floatsOf = (bytes: Uint8Array): Float32Array => new Float32Array(Uint8Array.from(bytes).buffer);

export const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);
