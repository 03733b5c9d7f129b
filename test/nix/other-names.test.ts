import { describe, expect, test } from 'vitest'
import { hintsFor, numbersOf, wantedVersion } from '../../src/nix/other-names.ts'

const alternatives = (name: string): string[] => hintsFor(name).alternatives.map((names) => names.join(' '))

describe('a name is looked up', () => {
  test.each([
    ['npm', ['nodejs']],
    ['NPM', ['nodejs']],
    ['build-essential', ['gcc gnumake binutils patch']],
    ['nixpkgs.npm', ['npm', 'nodejs']],
    ['legacyPackages.aarch64-linux.git', ['git']],
    ['pkgs.python3Packages.x', ['python3Packages.x']],
    ['git', []],
    ['pkgs', []],
    ['constructor', []],
    ['__proto__', []],
  ])('as others call it: %s', (name, expected) => {
    expect(alternatives(name)).toEqual(expected)
  })

  test.each([
    ['nodejs@20', 'nodejs_20'],
    ['node@20', 'nodejs_20'],
    ['nodejs-20', 'nodejs_20'],
    ['nodejs:20-alpine', 'nodejs_20'],
    ['python3==3.11', 'python311'],
    ['python@3.11', 'python311'],
    ['python3.11-venv', 'python311'],
    ['python:3.12-slim', 'python312'],
    ['go=1.22', 'go_1_22'],
    ['golang~=1.22', 'go_1_22'],
    ['ruby^3.3', 'ruby_3_3'],
    ['php8.2-cli', 'php82'],
    ['lua5.4', 'lua5_4'],
    ['openjdk-17-jdk', 'jdk17'],
    ['gcc-12', 'gcc12'],
    ['mariadb@10.11', 'mariadb_1011'],
    ['postgresql-client-16', 'postgresql_16'],
    ['pkgs.nodejs>=20', 'nodejs_20'],
    ['git@latest', 'git'],
    ['node:lts', 'nodejs'],
  ])('with a version, as nixpkgs writes it: %s', (name, expected) => {
    expect(alternatives(name)).toContain(expected)
  })
})

test.each([
  ['nodejs@20', ['nodejs'], 'nodejs'],
  ['node20', ['node', 'nodejs'], undefined],
  ['python3==3.11', ['python3', 'python'], 'python3'],
  ['libnss3', ['libnss', 'nss'], undefined],
  ['build-essential@12', ['build-essential'], 'build-essential'],
  ['git', [], undefined],
])('of %s, the versions of these are looked for', (name, families, like) => {
  const hints = hintsFor(name)
  expect(hints.families.toSorted()).toEqual(families.toSorted())
  expect(hints.like).toBe(like)
})

test.each<[string, readonly string[]]>([
  ['libpng-dev', ['libpng libpng.dev', 'libpng', 'png png.dev', 'png']],
  ['libssl-dev', ['libssl libssl.dev', 'libssl', 'openssl openssl.dev', 'openssl', 'ssl ssl.dev', 'ssl']],
  ['libpng', []],
])('a library for who builds with it is meant with its headers: %s', (name, expected) => {
  expect(alternatives(name)).toEqual(expected)
})

test.each([
  ['pyton', 'python3'],
  ['golnag', 'go'],
  ['gollang', 'go'],
  ['Golan', 'go'],
  ['molangs', undefined],
  ['nop', undefined],
  ['golang', undefined],
])('of a known name that is misspelt, %s, what it stands for may be meant', (name, expected) => {
  expect(hintsFor(name).maybe.find((maybe) => !maybe.includes('Packages'))).toBe(expected)
})

test('a version is read from its numbers', () => {
  expect(numbersOf('20.11.1-alpine3')).toEqual(['20', '11', '1'])
  expect(numbersOf('')).toEqual([])
  expect(wantedVersion('pkgs.python3==3.11')).toEqual(['3', '11'])
  expect(wantedVersion('git')).toEqual([])
  expect(wantedVersion('git@latest')).toEqual([])
})
