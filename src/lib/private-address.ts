import { BlockList, isIP } from 'node:net'

/** Two lists, since Node takes every IPv4 address for one of `::ffff:0:0/96`. */
const private4 = new BlockList()
const private6 = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's virtual machines, and so GitHub's runners, have the service of their host at this one.
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  // Some of these can be reached from everywhere, and then are the nearest router.
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  private4.addSubnet(network, prefix, 'ipv4')
  private6.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6')
}
for (const [network, prefix] of [
  // Teredo among them, which holds an IPv4 address.
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4, which holds one too.
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  private6.addSubnet(network, prefix, 'ipv6')

/**
 * All else of IPv6 is for something special or for nothing yet: an IPv4 address in other clothes, a network's own
 * addresses.
 */
const public6 = new BlockList()
public6.addSubnet('2000::', 3, 'ipv6')
// A network without IPv4 has it here, and gives names of the rest of the world such addresses.
public6.addSubnet('64:ff9b::', 96, 'ipv6')

/**
 * Whether a host name, as a URL has it, or an address is one of the runner or of the network that it is in, where there
 * are services that answer to whoever reaches them. Of a name it knows only those that are never public. Source: the
 * IANA special-purpose address registries, https://www.iana.org/assignments/iana-ipv4-special-registry and
 * iana-ipv6-special-registry
 */
export const isPrivateAddress = (hostname: string): boolean => {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/%.*|\.$/, '')
  const version = isIP(host)
  if (version === 0) return /(^|\.)(localhost|local|internal)$/.test(host)
  return version === 4 ? private4.check(host, 'ipv4') : private6.check(host, 'ipv6') || !public6.check(host, 'ipv6')
}
