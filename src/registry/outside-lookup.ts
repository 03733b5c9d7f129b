import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { isPrivateAddress } from '../lib/private-address.ts'

/** Looks up all addresses of a name, as `dns.lookup` does. */
export type Resolve = (
  name: string,
  options: Parameters<LookupFunction>[1] & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: { address: string; family: number }[]) => void,
) => void

/**
 * The `lookup` of a request to `host`. It ends the request with `refusal` if one of the name's addresses is private.
 * The connection is made to the checked addresses, so a name cannot lead elsewhere a moment later. An address in place
 * of a name is not looked up. Behind a proxy, the proxy looks up the name, and its own rules say what it may reach.
 */
export const outsideLookup =
  (host: string, refusal: Error, resolve: Resolve = lookup): LookupFunction =>
  (name, options, callback) =>
    resolve(name, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      if (error || !first) return callback(error ?? refusal, '')
      // Any other name is that of the proxy, which may well be private.
      if (name === host && addresses.some(({ address }) => isPrivateAddress(address))) return callback(refusal, '')
      if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
