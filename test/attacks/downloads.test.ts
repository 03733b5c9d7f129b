import { writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'vitest'
import { type DownloadOptions, downloadFile, downloadText } from '../../src/nix/download.ts'
import { attack } from '../support/attack.ts'
import { makeCertificates } from '../support/certificates.ts'
import { output } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { type Content, startWebServer } from '../support/web-server.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const options = () => ({ signal: new AbortController().signal })

/** The error for `/file` on a server, and the number of requests. */
const complaint = async (answer: Content, more: Partial<DownloadOptions> = {}): Promise<string> => {
  await using server = await startWebServer({ '/file': answer })
  const error = await downloadText(`${server.url}/file`, { ...options(), ...more }).catch((cause) => cause)
  expect(error).toBeInstanceOf(Error)
  return `${error.message.replace(server.url, '')} after ${server.requests.length}`
}

const every = (milliseconds: number, response: ServerResponse, work: () => void): void => {
  const timer = setInterval(work, milliseconds)
  response.on('close', () => clearInterval(timer))
}
const redirect =
  (location: string, status = 302): Answer =>
  (_, response) =>
    void response.writeHead(status, { location }).end()

const endless: [string, Answer][] = [
  ['drips', (_, response) => every(20, response, () => response.write('x'))],
  [
    'drips its headers',
    ({ socket }, response) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      every(20, response, () => socket.write('X-A: b\r\n'))
    },
  ],
  [
    'drips one header',
    ({ socket }, response) => {
      socket.write('HTTP/1.1 200 OK\r\nX-A: ')
      every(20, response, () => socket.write('b'))
    },
  ],
  ['announces an answer again and again', (_, response) => every(20, response, () => response.writeProcessing())],
  ['asks for patience again and again', (_, response) => void response.writeHead(503, { 'retry-after': '30' }).end()],
  [
    'drips an error',
    (_, response) => {
      response.writeHead(404)
      every(20, response, () => response.write('x'))
    },
  ],
]
for (const [title, answer] of endless)
  attack('source server', 'end of the run', `a server that ${title}`, async () => {
    const start = performance.now()
    expect(await complaint(answer, { timeLimit: 500 })).toMatch(
      /^\/file cannot be downloaded \((it takes longer than 0\.5 s|the server answers 404)\); check/,
    )
    expect(performance.now() - start).toBeLessThan(3_000)
    return true
  })

const large: [string, Answer][] = [
  ['says so', (_, response) => void response.writeHead(200, { 'content-length': 65_000 }).write('x')],
  ['goes on', (_, response) => every(5, response, () => response.write('x'.repeat(10_000)))],
  [
    'is packed',
    (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(65_000))),
  ],
]
for (const [title, answer] of large)
  attack('source server', 'runner', `an answer that is too large and ${title}`, async () => {
    expect(await complaint(answer)).toContain('(it is larger than 0.064 MB); check')
    await using server = await startWebServer({ '/file': answer })
    await expect(downloadFile(`${server.url}/file`, '/dev/null', { ...options(), sizeLimit: 1_000 })).rejects.toThrow(
      '(it is larger than 0.001 MB)',
    )
    expect(server.requests).toHaveLength(1)
    return true
  })

for (const status of [301, 302, 303, 307, 308])
  attack('source server', 'credentials', `a redirect (${status}) to a server that collects tokens`, async () => {
    await using other = await startWebServer({ '/end': 'text' })
    await using server = await startWebServer({
      '/file': redirect('/second', status),
      '/second': redirect(`${other.url}/end`, status),
    })
    const headers = { authorization: 'Bearer secret' }
    expect(await downloadText(`${server.url}/file`, { ...options(), headers })).toBe('text')
    expect(server.requests.map(({ authorization }) => authorization)).toEqual(['Bearer secret', 'Bearer secret'])
    expect(other.requests.map(({ authorization }) => authorization)).toEqual([undefined])
    return false
  })

attack('source server', 'end of the run', 'redirects without an end', async () => {
  expect(await complaint(redirect('/file'))).toMatch(/\(the server sends elsewhere more than 5 times\).* after 6$/)
  return true
})

for (const [location, shown] of [
  ['http://example.org/x?token=secret', 'http://example.org'],
  ['https://10.0.0.1/x', 'https://10.0.0.1'],
  ['https://169.254.169.254/latest', 'https://169.254.169.254'],
  ['https://[::1]/x', 'https://[::1]'],
  ['https://localhost/x', 'https://localhost'],
  ['https://user:secret@example.org/x', 'https://example.org'],
  ['file:///etc/passwd', 'no URL'],
  ['https://', 'no URL'],
] as const)
  attack('source server', 'runner', `a redirect to ${location}`, async () => {
    const said = await complaint(redirect(location))
    expect(said).toContain(`(the server sends to ${shown}, which is not followed)`)
    expect(said).toMatch(/ after 1$/)
    expect(said).not.toContain('secret')
    return true
  })

attack('source server', 'code in the step', 'a redirect from HTTPS to HTTP, where anybody can change it', async () => {
  await using folder = await temporaryFolder('downloads')
  const { authority, key, cert } = await makeCertificates()
  await writeFile(join(folder.path, 'authority.pem'), authority)
  await using plain = await startWebServer({ '/end': 'text' })
  await using server = await startWebServer(
    { '/file': redirect(`${plain.url}/end`), '/own': redirect('/text'), '/text': 'ok' },
    { key, cert },
  )
  const program = `
    import { downloadText } from ${JSON.stringify(join(import.meta.dirname, '..', '..', 'src', 'nix', 'download.ts'))}
    const { signal } = new AbortController()
    for (const name of ['own', 'file'])
      console.log(await downloadText('${server.url}/' + name, { signal }).catch(({ message }) => message))
  `
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(folder.path, 'authority.pem') }
  const said = await output(process.execPath, ['--input-type=module', '--eval', program], { env })
  expect(said).toMatch(/^ok\n/)
  expect(said).toContain(`(the server sends to ${plain.url}, which is not followed)`)
  expect(plain.requests).toEqual([])
  return true
})
