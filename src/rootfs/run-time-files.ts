import type { Links } from './links.ts'

/**
 * Something that programs look for at run time. Names have no slash at either end. If the image has one of `sources`,
 * the base layer gets links to it under `names`, and a container's environment gets its path in `variables`;
 * `jobVariables` are only for `preset: job-container`. The first of `sources` that is there wins.
 */
export type RunTimeFile = {
  readonly what: string
  readonly sources: readonly string[]
  readonly names: readonly string[]
  readonly variables: readonly string[]
  readonly jobVariables: readonly string[]
}

const nothing = { names: [], variables: [], jobVariables: [] }

/** All of them; docs/run-time.md has the same table. */
export const runTimeFiles: readonly RunTimeFile[] = [
  { ...nothing, what: 'a shell', sources: ['bin/bash', 'bin/dash'], names: ['bin/sh'] },
  { ...nothing, what: '`env`, as in `#!/usr/bin/env`', sources: ['bin/env'], names: ['usr/bin/env'] },
  {
    what: 'certificates',
    sources: ['etc/ssl/certs/ca-bundle.crt'],
    // The names of Debian, Alpine and Fedora, which Go, OpenSSL and Python know.
    names: [
      'etc/pki/tls/cert.pem',
      'etc/pki/tls/certs/ca-bundle.crt',
      'etc/ssl/cert.pem',
      'etc/ssl/certs/ca-certificates.crt',
    ],
    variables: ['SSL_CERT_FILE'],
    jobVariables: ['GIT_SSL_CAINFO', 'NIX_SSL_CERT_FILE'],
  },
  {
    ...nothing,
    what: 'time zones',
    sources: ['share/zoneinfo'],
    // The names of other distributions and of NixOS. Programs that ignore the variable look there, such as those in Go.
    names: ['etc/zoneinfo', 'usr/share/zoneinfo'],
    variables: ['TZDIR'],
  },
  {
    ...nothing,
    what: 'locales',
    sources: ['lib/locale/locale-archive'],
    // The C library of nixpkgs reads the variable, and that of other distributions the file.
    names: ['usr/lib/locale/locale-archive'],
    variables: ['LOCALE_ARCHIVE'],
  },
  { ...nothing, what: 'the settings of fonts', sources: ['etc/fonts/fonts.conf'], variables: ['FONTCONFIG_FILE'] },
  { ...nothing, what: 'fonts', sources: ['share/fonts'], names: ['usr/share/fonts'] },
]

/** The links of the base layer to what the image has, by their names, with absolute targets. */
export const runTimeLinks = (links: Links): [name: string, target: string][] =>
  found(links).flatMap(({ source, names }) => names.map((name): [string, string] => [name, `/${source}`]))

/** The variables by which programs find what the image has. */
export const runTimeVariables = (links: Links, isJobContainer: boolean): Record<string, string> =>
  Object.fromEntries(
    found(links).flatMap(({ source, variables, jobVariables }) =>
      [...variables, ...(isJobContainer ? jobVariables : [])].map((variable) => [variable, `/${source}`]),
    ),
  )

const found = (links: Links): (RunTimeFile & { readonly source: string })[] =>
  runTimeFiles.flatMap((file) => {
    const source = file.sources.find((name) => links.has(name))
    return source === undefined ? [] : [{ ...file, source }]
  })
