// How the server stops: it answers what it has accepted, refuses the rest, and waits for no client.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { closingError, errorAnswer, rawAnswer } from './errors.js';

/** Time in ms that a client has to read its last answer, and then to close its side of the connection. */
const READ_TIME = 1_000;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface ClosingOptions {
  /** From its abort on, a connection ends with its next answer: whoever keeps one open connects anew, to a server that stays. */
  readonly stopping: AbortSignal | undefined;
  /** Refuses requests that have not been accepted yet, before their connections end. */
  readonly refuseComing: () => void;
  /** Time in ms that running and waiting requests have once the server closes. */
  readonly grace: number;
  /** Ends those that still run then; each is answered with an error. */
  readonly endJobs: () => void;
}

/** Makes `app.close()` wait for answers alone. */
export function closeInOrder(app: FastifyInstance, { stopping, grace, refuseComing, endJobs }: ClosingOptions): void {
  const exchanges = new Map<Socket, Exchange | null>();
  let closing = false;
  const timers: NodeJS.Timeout[] = [];
  const after = (time: number, action: () => void): void => void timers.push(setTimeout(action, time).unref());
  app.server.on('connection', (socket: Socket) => {
    exchanges.set(socket, null);
    socket.once('close', () => exchanges.delete(socket));
  });
  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const exchange = { request, response };
    exchanges.set(socket, exchange);
    response.once('close', () => {
      if (exchanges.get(socket) === exchange) exchanges.set(socket, null);
      // Ended, not destroyed: the answer may still be on its way. A client that keeps its side open is not waited for.
      if (closing) end(socket);
    });
  });
  const end = (socket: Socket, answer?: string): void => {
    if (answer === undefined) socket.end();
    else socket.end(answer);
    after(READ_TIME, () => socket.destroy());
  };
  app.addHook('preClose', (done) => {
    closing = true;
    refuseComing();
    const { status, body } = errorAnswer(closingError(), { bodyLimit: 0 });
    for (const [socket, exchange] of exchanges) {
      if (exchange === null) socket.destroy();
      else if (!exchange.request.complete && !exchange.response.headersSent) end(socket, rawAnswer(status, body));
    }
    after(grace, () => {
      endJobs();
      after(READ_TIME, () => app.server.closeAllConnections());
    });
    done();
  });
  app.addHook('onClose', (_, done) => {
    for (const timer of timers) clearTimeout(timer);
    done();
  });
  app.addHook('onRequest', (_, reply, done) => {
    if (stopping?.aborted) reply.header('connection', 'close');
    // A request on a connection that was open before the server began to close.
    done(closing ? closingError() : undefined);
  });
}
