import { BlockList, isIP } from 'node:net'

/** Two lists, since Node treats every IPv4 address as one of `::ffff:0:0/96`. */
const private4 = new BlockList()
const private6 = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's virtual machines, and so GitHub's runners, reach a service of their host at this address.
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  // Some of these are reachable from everywhere, but lead to the nearest router.
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
  // Teredo is one of these. Its addresses contain an IPv4 address.
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4, whose addresses contain one too.
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  private6.addSubnet(network, prefix, 'ipv6')

/**
 * The rest of IPv6 is unassigned or has a special use, such as embedded IPv4 addresses and the local addresses of a
 * network.
 */
const public6 = new BlockList()
public6.addSubnet('2000::', 3, 'ipv6')
// A network without IPv4 uses such addresses for hosts that have only IPv4.
public6.addSubnet('64:ff9b::', 96, 'ipv6')

/**
 * Whether an address, or a host name as a URL has it, belongs to the runner or to its network, where services may
 * answer anybody who can reach them. Names are not resolved; only names that are never public count. Source: the IANA
 * special-purpose address registries, https://www.iana.org/assignments/iana-ipv4-special-registry and
 * iana-ipv6-special-registry
 */
export const isPrivateAddress = (hostname: string): boolean => {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/%.*|\.$/, '')
  const version = isIP(host)
  if (version === 0) return /(^|\.)(localhost|local|internal)$/.test(host)
  return version === 4 ? private4.check(host, 'ipv4') : private6.check(host, 'ipv6') || !public6.check(host, 'ipv6')
}
