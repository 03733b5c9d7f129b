import type { Wire } from '../../src/registry/http.ts'

/** A wire with nothing behind it: no secrets, no hosts that are known, and the time of the runner. */
export const testWire = (changes: Partial<Wire> = {}): Wire => ({
  signal: new AbortController().signal,
  idleLimit: 5000,
  wallClock: () => Date.now(),
  lookup: () => undefined,
  onSent: () => {},
  redact: (text) => text,
  known: new Set(),
  ...changes,
})
