import { expect, test } from 'vitest'
import { readSetting } from '../../src/nix/settings.ts'
import { withNix } from '../support/nix.ts'

test('a setting has the value that was given, and the one that Nix has itself', async () => {
  const setting = await withNix((nix) => readSetting(nix, 'cores'), 'cores = 7')
  expect(setting).toEqual({ value: 7, defaultValue: expect.any(Number) })
})

test('an older version that does not know the command says nothing of it in the log', async () => {
  const asked: unknown[] = []
  await withNix((nix) =>
    readSetting((program, args, options) => {
      asked.push(options?.quiet)
      return nix(program, args, options)
    }, 'cores'),
  )
  expect(new Set(asked)).toEqual(new Set([true]))
})
