import { expect, test } from 'vitest'
import { builderEnvironment } from '../../src/nix/builder-environment.ts'

test.each([
  ['http://somebody:secret@proxy.example.org:3128', 'http://proxy.example.org:3128'],
  ['somebody:secret@proxy.example.org', 'proxy.example.org'],
  ['http://somebody:se@cret@proxy.example.org', 'http://proxy.example.org'],
  ['SOCKS5h://somebody@[::1]:1080', 'SOCKS5h://[::1]:1080'],
  ['http://proxy.example.org:3128', 'http://proxy.example.org:3128'],
])('of the proxy %s, a Nix that builds knows %s', (proxy, known) => {
  const given = { PATH: '/bin', HTTPS_PROXY: proxy, HOME: '/home/somebody', SSH_AUTH_SOCK: '/agent', TMPDIR: '/tmp' }
  expect(builderEnvironment(given)).toEqual({ PATH: '/bin', HTTPS_PROXY: known })
})
