import type { DefaultConfiguration } from '../image/contents.ts'
import type { Links } from './links.ts'
import type { Loader } from './loader.ts'

const certificates = 'etc/ssl/certs/ca-bundle.crt'

/**
 * Follows from what is in the image. With a loader, also git and Nix are told of the certificates by their own names.
 */
export const imageDefaults = (links: Links, loader: Loader | undefined): DefaultConfiguration => {
  const variables = ['SSL_CERT_FILE', ...(loader ? ['GIT_SSL_CAINFO', 'NIX_SSL_CERT_FILE'] : [])]
  return {
    env: {
      PATH: '/bin:/sbin:/usr/bin',
      ...(links.has(certificates) ? Object.fromEntries(variables.map((name) => [name, `/${certificates}`])) : {}),
      ...loader?.env,
    },
    cmd: links.has('bin/bash') ? ['/bin/bash'] : undefined,
  }
}
