import { describe, expect, test } from 'vitest'
import { isAllowedPlace, isTrustedRealm } from '../../src/registry/origin.ts'

/** Ways to write addresses that only the runner can reach. */
const inside = [
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0177.0.0.1',
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '169。254。169。254',
  '172.16.0.1',
  '172.31.255.254',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[::ffff:10.0.0.1]',
  '[::ffff:a9fe:a9fe]',
  '[64:ff9b::a9fe:a9fe]',
  '[fd00::1]',
  '[fe80::1]',
  '[ff02::1]',
  'localhost',
  'localhost.',
  'some.localhost',
  'printer.local',
  'metadata.google.internal',
]

describe('a registry on the internet', () => {
  test.each(inside)('cannot make the runner ask %s', (host) => {
    for (const protocol of ['http', 'https'])
      for (const registry of ['ghcr.io', 'registry.example.org']) {
        expect(isAllowedPlace(registry, new URL(`${protocol}://${host}/upload`))).toBe(false)
        expect(isTrustedRealm(registry, new URL(`${protocol}://${host}/token`))).toBe(false)
      }
  })

  test.each(['https://storage.example.org/', 'https://8.8.8.8/', 'https://172.32.0.1/', 'https://[2606:4700::1]/'])(
    'can name %s for data',
    (place) => {
      expect(isAllowedPlace('ghcr.io', new URL(place))).toBe(true)
    },
  )

  test('cannot name a place without HTTPS', () => {
    expect(isAllowedPlace('ghcr.io', new URL('http://storage.example.org/'))).toBe(false)
    expect(isAllowedPlace('ghcr.io', new URL('http://ghcr.io/'))).toBe(false)
    expect(isAllowedPlace('ghcr.io', new URL('ftp://ghcr.io/'))).toBe(false)
  })
})

test('a registry on a private network can name its own host, and no other there', () => {
  expect(isAllowedPlace('10.0.0.5:5000', new URL('https://10.0.0.5:5000/upload'))).toBe(true)
  expect(isAllowedPlace('10.0.0.5:5000', new URL('https://10.0.0.5:9000/upload'))).toBe(true)
  expect(isAllowedPlace('10.0.0.5:5000', new URL('https://10.0.0.6:5000/upload'))).toBe(false)
  expect(isAllowedPlace('10.0.0.5:5000', new URL('http://10.0.0.5:5000/upload'))).toBe(false)
  expect(isTrustedRealm('10.0.0.5:5000', new URL('https://10.0.0.5:5000/token'))).toBe(true)
})
