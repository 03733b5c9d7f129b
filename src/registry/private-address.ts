import { BlockList, isIP } from 'node:net'

/** Two lists, since Node takes every IPv4 address for one of `::ffff:0:0/96`. */
const version4 = new BlockList()
const version6 = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  version4.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ['::', 96],
  // An IPv4 address in other clothes.
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  version6.addSubnet(network, prefix, 'ipv6')

/**
 * Whether a host name, as a URL has it, is an address of the runner or of the network that it is in, where there are
 * services that answer to whoever reaches them. Source: the IANA special-purpose address registries.
 */
export const isPrivateAddress = (hostname: string): boolean => {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const version = isIP(host)
  if (version === 0) return /(^|\.)(localhost|local|internal)$/.test(host)
  return version === 4 ? version4.check(host, 'ipv4') : version6.check(host, 'ipv6')
}
