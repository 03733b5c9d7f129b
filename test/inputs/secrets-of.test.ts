import { expect, test } from 'vitest'
import { secretsOf } from '../../src/inputs/secrets-of.ts'

const of = (inputs: Record<string, string>): string[] => secretsOf((name) => inputs[name] ?? '')

test('secrets are whole inputs, and parts of those that may have some', () => {
  expect(of({})).toEqual([])
  expect(of({ password: 'a', 'github-token': 'b', packages: 'git' })).toEqual(['a', 'b'])
  expect(of({ 'cache-signing-key': 'name-1:c2VjcmV0' })).toEqual(['name-1:c2VjcmV0', 'c2VjcmV0'])
  expect(of({ nixpkgs: 'https://example.org/a.tar.gz?token=secret' })).toEqual(['token=secret', 'secret'])
  expect(of({ nixpkgs: 'https://me:secret@example.org/a.tar.gz' })).toEqual(['me:secret', 'me%3Asecret', 'secret'])
  expect(of({ 'nix-url': 'https://example.org/nix.tar.xz?sig=secret' })).toEqual(['sig=secret', 'secret'])
})

test('the tokens and passwords of nix-config are secret, as Nix reads them and in lines that it does not', () => {
  const config = [
    'access-tokens = github.com=ghs_one gitlab.example.org=PAT:two-token',
    'extra-access-tokens github.com=ghs_three',
    'substituters = https://me:password@cache.example.org https://cache.nixos.org?priority=10',
    'max-jobs = 4',
  ]
  expect(of({ 'nix-config': config.join('\n') })).toEqual([
    ...['ghs_one', 'PAT:two-token', 'ghs_one', 'two-token'],
    ...['ghs_three', 'ghs_three'],
    ...['me:password', 'me%3Apassword', 'password', 'priority=10'],
  ])
})
