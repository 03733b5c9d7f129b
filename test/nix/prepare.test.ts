import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { publicEndpoints } from '../../src/nix/endpoints.ts'
import { prepareNix } from '../../src/nix/prepare.ts'
import { silentLog } from '../support/log.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Prepares a program on the PATH that says it is this Nix. Returns what the log has. */
const prepare = async (printed: string): Promise<{ infos: string[]; notices: string[]; warnings: string[] }> => {
  await using folder = await temporaryFolder('prepare')
  const bin = join(folder.path, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'nix-store'), `#!/bin/sh\necho '${printed}'\n`, { mode: 0o755 })
  const [infos, notices, warnings]: [string[], string[], string[]] = [[], [], []]
  const log = {
    ...silentLog,
    info: (message: string) => void infos.push(message),
    notice: (message: string) => void notices.push(message),
    warning: (message: string) => void warnings.push(message),
  }
  const { signal } = new AbortController()
  await prepareNix(
    {
      ...{ install: 'auto', sandbox: 'auto', system: 'x86_64-linux', secretFolders: [], config: '' },
      release: { version: '', url: '', sha256: '' },
      source: { type: 'path', path: '/' },
    },
    { endpoints: publicEndpoints, githubToken: undefined, addToJob: () => {} },
    { environment: { PATH: `${bin}:/usr/bin:/bin`, HOME: folder.path }, log, signal, temporary: folder.path },
  )
  return { infos, notices, warnings }
}

describe('the Nix on the PATH is used', () => {
  test('with a notice, if it has known vulnerabilities', async () => {
    expect(await prepare('nix-store (Nix) 2.34.8')).toEqual({
      infos: ['nix-store (Nix) 2.34.8'],
      notices: [
        'Nix 2.34.8, which is on the PATH, has known vulnerabilities (CVE-2026-110449, CVE-2026-110450); 2.34.9 and 2.35.3 have the fixes: update it where it is installed.',
      ],
      warnings: [],
    })
  })

  test.each(['nix-store (Nix) 2.34.9', 'nix-store (Another) 1'])('without one: %s', async (printed) => {
    expect(await prepare(printed)).toEqual({ infos: [printed], notices: [], warnings: [] })
  })
})
