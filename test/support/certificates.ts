import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { need, output } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

/**
 * In PEM: a certificate authority that no machine trusts, and the key and certificate that it issued to a server on
 * loopback, and to all hosts of example.org.
 */
export type Certificates = { readonly authority: string; readonly key: string; readonly cert: string }

export const makeCertificates = async (): Promise<Certificates> => {
  const openssl = need('openssl', 'openssl')
  await using folder = await temporaryFolder('certificates')
  const file = (name: string): string => join(folder.path, name)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const issue = (name: string, subject: string, args: readonly string[]): Promise<string> =>
    output(openssl, [
      ...['req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${subject}`],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`), ...args],
    ])
  await issue('authority', 'authority of the tests', [])
  await issue('server', 'localhost', [
    ...['-CA', file('authority.crt'), '-CAkey', file('authority.key')],
    ...[
      '-addext',
      'subjectAltName=DNS:localhost,DNS:*.example.org,IP:127.0.0.1',
      '-addext',
      'basicConstraints=critical,CA:FALSE',
    ],
  ])
  const [authority, key, cert] = await Promise.all(
    ['authority.crt', 'server.key', 'server.crt'].map((name) => readFile(file(name), 'utf8')),
  )
  return { authority: authority ?? '', key: key ?? '', cert: cert ?? '' }
}
