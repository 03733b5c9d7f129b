import fc from 'fast-check'
import type { Fault, Rule } from './fault-proxy.ts'

/**
 * The requests of a push, of this client and of others. Other clients send a blob with PATCH before the PUT that
 * commits it.
 */
export const stages = {
  token: (method, path) => method === 'GET' && path.startsWith('/token'),
  'question for a blob': (method, path) => method === 'HEAD' && path.includes('/blobs/sha256'),
  'start of an upload': (method, path) => method === 'POST' && path.includes('/blobs/'),
  upload: (method, path) => method === 'PATCH' || (method === 'PUT' && path.includes('/blobs/')),
  'commit of a blob': (method, path) => method === 'PUT' && path.includes('/blobs/'),
  manifest: (method, path) => method === 'PUT' && path.includes('/manifests/'),
  tag: (method, path) => method === 'PUT' && /\/manifests\/[^:]+$/.test(path),
  'reading back': (method, path) => method === 'HEAD' && path.includes('/manifests/'),
} as const satisfies Record<string, Rule['fits']>

export type Stage = keyof typeof stages

/** Statuses of faults that pass, of the client, the server and what is between them. 429 is tested by itself. */
export const passingStatuses = [408, 499, 500, 502, 503, 504, 522]

export const statusStages = [
  'token',
  'question for a blob',
  'start of an upload',
  'commit of a blob',
  'manifest',
] as const

const errors = (code: string, message: string): string => JSON.stringify({ errors: [{ code, message }] })

/** Faults of registries, of GHCR above all, that were seen and that pass. Sources: issues of people who push there. */
export const singleFaults: readonly (readonly [string, Stage, Fault])[] = [
  ['503 at the first question for a blob', 'question for a blob', { answer: 503 }],
  [
    '429 with Retry-After at the start of an upload',
    'start of an upload',
    { answer: 429, headers: { 'retry-after': '1' } },
  ],
  ['502 at an upload', 'upload', { answer: 502, body: '<html>Bad Gateway</html>' }],
  ['504 at the commit of a blob', 'commit of a blob', { answer: 504 }],
  ['500 at the manifest', 'manifest', { answer: 500, body: errors('UNKNOWN', 'unknown error') }],
  [
    '429 with the delay in the message at the manifest',
    'manifest',
    { answer: 429, body: errors('TOOMANYREQUESTS', 'retry-after: 1.889377ms, allowed: 2000/minute') },
  ],
  [
    '403 of the secondary rate limit',
    'start of an upload',
    { answer: 403, body: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.' },
  ],
  ['a reset in the middle of an upload', 'upload', { resetAt: 0.5 }],
  ['an end of the connection in the middle of an upload', 'upload', { closeAt: 0.5 }],
  ['no word of a blob that was committed', 'commit of a blob', 'lose answer'],
  ['no word of a manifest that was committed', 'manifest', 'lose answer'],
  ['no answer to an upload', 'upload', 'hang'],
  [
    'a blob that is unknown at first',
    'manifest',
    { answer: 400, body: errors('MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry') },
  ],
]

const anyFault: fc.Arbitrary<Fault> = fc.oneof(
  fc.constantFrom(...passingStatuses, 400, 401, 403, 404, 413, 429).map((answer): Fault => ({ answer })),
  fc.constantFrom(0, 1, 0.3, 0.9).map((resetAt): Fault => ({ resetAt })),
  fc.constantFrom(0, 0.5).map((closeAt): Fault => ({ closeAt })),
  fc.constantFrom<Fault>('lose answer', 'cut answer', 'stall answer', 'hang', { delay: 20 }),
  fc.constant<Fault>({ answer: 400, body: errors('MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry') }),
)

/** One to six faults at any stage of a push. */
export const anySchedule: fc.Arbitrary<Rule[]> = fc.array(
  fc
    .record({
      stage: fc.constantFrom(...(Object.keys(stages) as Stage[]).filter((stage) => stage !== 'token')),
      nth: fc.integer({ min: 1, max: 5 }),
      times: fc.integer({ min: 1, max: 3 }),
      fault: anyFault,
    })
    .map(({ stage, ...rule }) => ({ ...rule, fits: stages[stage] })),
  { minLength: 1, maxLength: 6 },
)
