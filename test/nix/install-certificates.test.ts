import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareMachineOptions, type BareMachineResult, runOnBareMachine } from '../support/bare-machine.ts'
import { makeCertificates } from '../support/certificates.ts'
import { smallSet } from '../support/nix.ts'
import { nixReleaseTarball } from '../support/nix-release.ts'
import { need, output } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer, type WebServer } from '../support/web-server.ts'

const folder = await temporaryFolder('certificates')
const brought = '/nix/store/0000000000000000000000000000000c-nss-cacert-test/etc/ssl/certs/ca-bundle.crt'
let releases: WebServer
let secure: WebServer
let authority: string

/** A release that brings certificates, and a server that only they vouch for. */
beforeAll(async () => {
  const certificates = await makeCertificates()
  await chmod(folder.path, 0o755)
  authority = join(folder.path, 'authority.crt')
  await writeFile(authority, certificates.authority)
  const { file, version } = await nixReleaseTarball()
  const tarball = join(folder.path, 'nix.tar')
  await output('bash', ['-euc', 'xz --decompress --stdout "$0" > "$1"', file, tarball])
  const place = join(folder.path, brought)
  await mkdir(join(place, '..'), { recursive: true })
  await writeFile(place, certificates.authority)
  const name = `nix-${version}-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux`
  await output('tar', [
    ...['--append', '--file', tarball, '--transform', `s,^nix/store,${name}/store,`],
    ...['--directory', folder.path, brought.split('/').slice(1, 4).join('/')],
  ])
  const set = join(folder.path, 'set.tar.gz')
  await output('tar', ['--create', '--gzip', '--file', set, '--directory', join(smallSet, '..'), 'small-set'])
  releases = await startWebServer({ '/nix.tar': { file: tarball } })
  secure = await startWebServer({ '/set.tar.gz': { file: set } }, certificates)
}, 300_000)
afterAll(async () => {
  await releases[Symbol.asyncDispose]()
  await secure[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** Installs Nix where these commands of root have run, and lets it fetch from that server. */
const installed = (commands: string, options: BareMachineOptions = {}): Promise<BareMachineResult> => {
  const inputs = {
    packages: 'tree',
    preset: 'bare',
    nixpkgs: `${secure.url}/set.tar.gz`,
    push: 'false',
    cache: 'false',
    sandbox: 'off',
    'nix-config': 'sandbox = false',
    'install-nix': 'always',
    'nix-url': `${releases.url}/nix.tar`,
    'nix-sha256': createHash('sha256')
      .update(readFileSync(join(folder.path, 'nix.tar')))
      .digest('hex'),
  }
  const start = [need('unshare', 'util-linux'), '--mount', '--propagation', 'private', need('bash', 'bash'), '-euc']
  return runOnBareMachine(inputs, {
    machine: [...start, `${commands}\nexec "$@"`, '-'],
    nextStep: 'echo "$NIX_SSL_CERT_FILE"',
    ...options,
  })
}

const withoutCertificates = 'mount -t tmpfs tmpfs /etc/ssl'

test('without certificates on the machine, Nix has those of its release, for later steps too', async () => {
  const { exitCode, log, next } = await installed(withoutCertificates)
  expect(exitCode, log).toBe(0)
  expect(next.trim()).toBe(brought)
})

test('those of the machine have precedence, wherever its distribution has them', async () => {
  const commands = `${withoutCertificates}\n/bin/cp "${authority}" /etc/ssl/ca-bundle.pem`
  const { exitCode, log, next } = await installed(commands)
  expect(exitCode, log).toBe(0)
  expect(next.trim()).toBe('/etc/ssl/ca-bundle.pem')
})

test('a variable that the job sets has precedence over both', async () => {
  const { exitCode, log, next } = await installed(withoutCertificates, {
    environment: { NIX_SSL_CERT_FILE: authority },
  })
  expect(exitCode, log).toBe(0)
  expect(next.trim()).toBe(authority)
})

test('where Nix finds those of the machine by itself, nothing is set, and the server is not trusted', async () => {
  const { exitCode, log, next } = await installed('true')
  expect(exitCode).toBe(1)
  expect(log).toMatch(/::error::.*set\.tar\.gz cannot be fetched/)
  expect(next.trim()).toBe('')
})
