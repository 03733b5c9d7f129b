import { describe, expect, test } from 'vitest'
import { isPrivateAddress } from '../../src/lib/private-address.ts'
import { isAllowedPlace, isOwnHost, isTrustedRealm } from '../../src/registry/trusted-hosts.ts'

/**
 * The complete IANA special-purpose address registries. They say whether a block is globally reachable. Sources:
 * https://www.iana.org/assignments/iana-ipv4-special-registry and
 * https://www.iana.org/assignments/iana-ipv6-special-registry
 */
const registries: readonly [block: string, first: string, last: string, isReachable: boolean][] = [
  ['0.0.0.0/8', '0.0.0.0', '0.255.255.255', false],
  ['10.0.0.0/8', '10.0.0.0', '10.255.255.255', false],
  ['100.64.0.0/10', '100.64.0.0', '100.127.255.255', false],
  ['127.0.0.0/8', '127.0.0.0', '127.255.255.255', false],
  ['169.254.0.0/16', '169.254.0.0', '169.254.255.255', false],
  ['172.16.0.0/12', '172.16.0.0', '172.31.255.255', false],
  ['192.0.0.0/24', '192.0.0.0', '192.0.0.255', false],
  ['192.0.2.0/24', '192.0.2.0', '192.0.2.255', false],
  ['192.31.196.0/24', '192.31.196.0', '192.31.196.255', true],
  ['192.52.193.0/24', '192.52.193.0', '192.52.193.255', true],
  ['192.88.99.0/24', '192.88.99.0', '192.88.99.255', false],
  ['192.168.0.0/16', '192.168.0.0', '192.168.255.255', false],
  ['192.175.48.0/24', '192.175.48.0', '192.175.48.255', true],
  ['198.18.0.0/15', '198.18.0.0', '198.19.255.255', false],
  ['198.51.100.0/24', '198.51.100.0', '198.51.100.255', false],
  ['203.0.113.0/24', '203.0.113.0', '203.0.113.255', false],
  ['240.0.0.0/4', '240.0.0.0', '255.255.255.255', false],
  ['::1/128', '::1', '::1', false],
  ['::/128', '::', '::', false],
  ['::ffff:0:0/96', '::ffff:0:0', '::ffff:ffff:ffff', false],
  ['64:ff9b:1::/48', '64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff', false],
  ['100::/64', '100::', '100::ffff:ffff:ffff:ffff', false],
  ['100:0:0:1::/64', '100:0:0:1::', '100:0:0:1:ffff:ffff:ffff:ffff', false],
  ['2001::/23', '2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', false],
  ['2001:2::/48', '2001:2::', '2001:2:0:ffff:ffff:ffff:ffff:ffff', false],
  ['2001:10::/28', '2001:10::', '2001:1f:ffff:ffff:ffff:ffff:ffff:ffff', false],
  ['2001:db8::/32', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', false],
  ['2002::/16', '2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', false],
  ['2620:4f:8000::/48', '2620:4f:8000::', '2620:4f:8000:ffff:ffff:ffff:ffff:ffff', true],
  ['3fff::/20', '3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', false],
  ['5f00::/16', '5f00::', '5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff', false],
  ['fc00::/7', 'fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', false],
  ['fe80::/10', 'fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', false],
]

test.each(registries)('%s, from %s to %s, is reachable by the registries: %s', (_, first, last, isReachable) => {
  for (const address of [first, last]) {
    expect(isPrivateAddress(address)).toBe(!isReachable)
    expect(isPrivateAddress(new URL(`https://${address.includes(':') ? `[${address}]` : address}/`).hostname)).toBe(
      !isReachable,
    )
  }
})

test.each([
  // The registries call these reachable, but they lead to the nearest router or relay, or to nobody.
  ...['192.0.0.9', '192.0.0.10', '2001:1::1', '2001:1::2', '2001:1::3', '2001:3::1', '2001:4:112::1', '2001:20::1'],
  '2001:30::1',
  // Multicast, and the former site-local addresses.
  ...['224.0.0.1', '239.255.255.255', 'ff00::', 'ff02::1', 'ff0e::1', 'fec0::', 'feff::1'],
  // IPv4 addresses in all forms: compatible, mapped, translated, NAT64, 6to4, Teredo, ISATAP of a private network.
  ...['::127.0.0.1', '::8.8.8.8', '::ffff:8.8.8.8', '::ffff:0:127.0.0.1', '64:ff9b::127.0.0.1', '64:ff9b::10.0.0.1'],
  ...['64:ff9b::c0a8:101', '64:ff9b::a9fe:a9fe', '64:ff9b:1::8.8.8.8', '2002:7f00:1::', '2002:808:808::'],
  ...['2001:0:7f00:1::', 'fe80::5efe:127.0.0.1'],
  // Not in use yet.
  ...['4000::1', '8000::1', 'c000::1', '1::1', '200::1', 'fe00::1'],
  // The host of a virtual machine, on Azure and on other clouds.
  ...['168.63.129.16', '64:ff9b::168.63.129.16', '100.100.100.200', 'fd00:ec2::254', 'fe80::a9fe:a9fe%eth0'],
])('%s is private', (address) => {
  expect(isPrivateAddress(address)).toBe(true)
})

test.each([
  ...[
    '1.0.0.0',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
  ],
  ...['169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '191.255.255.255', '192.0.1.0', '192.0.3.0'],
  ...[
    '192.88.98.255',
    '192.88.100.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '198.51.99.255',
  ],
  ...['198.51.101.0', '203.0.112.255', '203.0.114.0', '223.255.255.255', '168.63.129.15', '168.63.129.17'],
  ...['2000::1', '2001:200::', '2001:db7:ffff::1', '2001:db9::', '2003::', '2606:4700::1', '3ffe::1', '3fff:1000::'],
  ...['64:ff9b::8.8.8.8', '64:ff9b::808:808'],
])('%s is not', (address) => {
  expect(isPrivateAddress(address)).toBe(false)
})

/** Ways to write addresses that only the runner can reach. */
const inside = [
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0177.0.0.1',
  '10.1.2.3',
  '169.254.169.254',
  '169。254。169。254',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:10.0.0.1]',
  '[64:ff9b::a9fe:a9fe]',
  '[2002:7f00:1::]',
  '[fd00::1]',
  'localhost',
  'LOCALHOST',
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
        expect(isOwnHost(registry, new URL(`${protocol}://${host}/upload`))).toBe(false)
      }
  })

  test.each([
    'https://storage.example.org/',
    'https://notlocalhost/',
    'https://internal.example.org/',
    'https://8.8.8.8/',
    'https://[2606:4700::1]/',
  ])('can name %s for data', (place) => {
    expect(isAllowedPlace('ghcr.io', new URL(place))).toBe(true)
  })

  test('cannot name a place without HTTPS', () => {
    expect(isAllowedPlace('ghcr.io', new URL('http://storage.example.org/'))).toBe(false)
    expect(isAllowedPlace('ghcr.io', new URL('http://ghcr.io/'))).toBe(false)
    expect(isAllowedPlace('ghcr.io', new URL('ftp://ghcr.io/'))).toBe(false)
    expect(isAllowedPlace('127.0.0.1:5000', new URL('ftp://127.0.0.1/'))).toBe(false)
    expect(isAllowedPlace('127.0.0.1:5000', new URL('http://storage.example.org/'))).toBe(false)
  })
})

test('a registry on a private network can name its own host, and no other there', () => {
  expect(isAllowedPlace('10.0.0.5:5000', new URL('https://10.0.0.5:5000/upload'))).toBe(true)
  expect(isAllowedPlace('10.0.0.5:5000', new URL('https://10.0.0.5:9000/upload'))).toBe(true)
  expect(isAllowedPlace('10.0.0.5:5000', new URL('https://10.0.0.6:5000/upload'))).toBe(false)
  expect(isAllowedPlace('10.0.0.5:5000', new URL('http://10.0.0.5:5000/upload'))).toBe(false)
  expect(isTrustedRealm('10.0.0.5:5000', new URL('https://10.0.0.5:5000/token'))).toBe(true)
  expect(isOwnHost('registry.corp:5000', new URL('https://registry.corp/'))).toBe(true)
  expect(isOwnHost('registry.corp', new URL('https://other.corp/'))).toBe(false)
})

test('for a registry on loopback all of loopback is its own', () => {
  for (const place of ['http://127.0.0.1:1/', 'http://localhost:1/', 'https://[::1]/'])
    expect([isOwnHost('127.0.0.1:5000', new URL(place)), isAllowedPlace('127.0.0.1:5000', new URL(place))]).toEqual([
      true,
      true,
    ])
  expect(isOwnHost('127.0.0.1:5000', new URL('https://storage.example.org/'))).toBe(false)
})
