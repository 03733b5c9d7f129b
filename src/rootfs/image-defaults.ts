import type { DefaultConfiguration } from '../image/contents.ts'
import type { Links } from './links.ts'
import type { Loader } from './loader.ts'

const certificates = 'etc/ssl/certs/ca-bundle.crt'

/**
 * The default configuration of an image, which follows from its files. With a loader, git and Nix also get the
 * certificates, by variables of their own.
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
