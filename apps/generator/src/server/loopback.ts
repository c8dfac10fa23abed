import { isIPv4 } from 'node:net';

/** Names and addresses that only programs on this machine can reach. */
export const isLoopback = (host: string): boolean =>
  /^(.+\.)?localhost$/i.test(host) || (isIPv4(host) && host.startsWith('127.')) || /^(::1|(0+:){7}0*1)$/.test(host);
