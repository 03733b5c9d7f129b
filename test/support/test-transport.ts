import type { Transport } from '../../src/registry/http.ts'

/** A transport without secrets and without known hosts, with the clock of the runner. */
export const testTransport = (changes: Partial<Transport> = {}): Transport => ({
  signal: new AbortController().signal,
  idleLimit: 5000,
  wallClock: () => Date.now(),
  lookup: () => undefined,
  onSent: () => {},
  redact: (text) => text,
  known: new Set(),
  ...changes,
})
