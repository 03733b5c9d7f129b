import { test } from 'vitest'

/** Possible attackers: the rows of the table in SECURITY.md. */
export const attackers = [
  'job of the default branch',
  'job of a branch',
  "fork's pull request",
  'checkout',
  'package set',
  "package's builder",
  'source server',
  'substituter',
  'cache server',
  'registry',
  'other writer of the registry',
] as const

/** The goals of an attacker: the columns of that table. */
export const assets = [
  'credentials',
  'code in the step',
  'image',
  'attestation',
  'later runs',
  'runner',
  'end of the run',
] as const

export type Attacker = (typeof attackers)[number]
export type Asset = (typeof assets)[number]

/** A test's report of an attack, besides whether it was refused, for `npm run bench -- attacks`. */
export type AttackMeta = { readonly attacker: Attacker; readonly asset: Asset; readonly noticed: boolean }

declare module 'vitest' {
  interface TaskMeta {
    attack?: AttackMeta
  }
}

/**
 * A test that attacks. `attempt` makes the attack with real parts, and fails if the attack succeeds. It returns whether
 * the run reported the attack, by an error, a warning or a notice.
 */
export const attack = (attacker: Attacker, asset: Asset, title: string, attempt: () => Promise<boolean>): void =>
  test(`${attacker}, ${asset}: ${title}`, async ({ task }) => {
    task.meta.attack = { attacker, asset, noticed: false }
    task.meta.attack = { attacker, asset, noticed: await attempt() }
  })
