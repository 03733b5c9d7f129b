import { execFileSync, spawn } from 'node:child_process'
import { startWebServer, type WebServer } from './web-server.ts'

/** A repository behind `git http-backend`. `sent` is the number of bytes that clients got so far. */
export type GitServer = WebServer & { readonly sent: () => number }

/**
 * Serves `folder/*.git` as git's own server does, at `/NAME.git`. With `protocol` 0, it does so as servers did before
 * version 2 of the protocol, which give only commits that a reference names.
 */
export const startGitServer = async (folder: string, protocol: 0 | 2 = 2): Promise<GitServer> => {
  const program = `${execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim()}/git-http-backend`
  let sent = 0
  const server = await startWebServer({
    '/': (request, response) => {
      const { pathname, search } = new URL(request.url ?? '/', 'http://localhost')
      const { headers, method = 'GET' } = request
      const env = {
        ...{ PATH: process.env['PATH'], GIT_PROJECT_ROOT: folder, GIT_HTTP_EXPORT_ALL: '1', REQUEST_METHOD: method },
        ...{ PATH_INFO: pathname, QUERY_STRING: search.slice(1), CONTENT_TYPE: headers['content-type'] ?? '' },
        ...(headers['content-encoding'] && { HTTP_CONTENT_ENCODING: headers['content-encoding'] }),
        ...(protocol === 2 && headers['git-protocol'] && { GIT_PROTOCOL: `${headers['git-protocol']}` }),
      }
      const backend = spawn(program, [], { env, stdio: ['pipe', 'pipe', 'ignore'] })
      request.pipe(backend.stdin)
      const chunks: Buffer[] = []
      backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
      backend.on('close', () => {
        const answer = Buffer.concat(chunks)
        const end = answer.indexOf('\r\n\r\n')
        const lines = answer.subarray(0, end).toString().split('\r\n')
        const pairs = lines.map((line) => line.split(': ') as [string, string])
        const status = Number.parseInt(pairs.find(([name]) => name === 'Status')?.[1] ?? '200', 10)
        sent += answer.length
        response.writeHead(status, Object.fromEntries(pairs)).end(answer.subarray(end + 4))
      })
    },
  })
  return { ...server, sent: () => sent }
}
