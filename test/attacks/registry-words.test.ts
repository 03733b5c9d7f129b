import { expect, test } from 'vitest'
import { runAction, type StepResult } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { startWebServer } from '../support/web-server.ts'

const password = 'a-password-of-somebody'

/** A run that a registry refuses with these words, after a token and before any work. */
const refused = async (words: string): Promise<StepResult> => {
  await using registry = await startWebServer({
    '/token': '{"token":"bearer-token-of-the-run"}',
    '/v2/': (request, response) => {
      request.resume()
      const realm = `Bearer realm="http://${request.headers.host}/token"`
      if (!request.headers.authorization) return void response.writeHead(401, { 'www-authenticate': realm }).end()
      response.writeHead(403).end(JSON.stringify({ errors: [{ code: 'DENIED', message: words }] }))
    },
  })
  const image = `${new URL(registry.url).host}/tools`
  return await runAction({ packages: 'tree', push: 'true', image, username: 'me', password })
}

const linesOf = ({ log }: StepResult): string[] => log.split('\n')

test('a refusal is told in the sentence and in the log', async () => {
  const step = await refused('the project has no room left')
  const lines = linesOf(step)
  expect(step.errors).toEqual([
    expect.stringMatching(/ does not let me push to .* \(it says "the project has no room left"\); use credentials/),
  ])
  expect(lines).toContainEqual(
    expect.stringMatching(/^POST http:\S+\/uploads\/ answered 403 DENIED the project has no room left$/),
  )
})

attack('registry', 'credentials', 'says the password and the token of the run in a refusal', async () => {
  const basic = Buffer.from(`me:${password}`).toString('base64')
  const step = await refused(`no ${password}, no ${basic}, and no bearer-token-of-the-run`)
  const seen = [step.log.replaceAll(/^::add-mask::.*$/gm, ''), JSON.stringify({ ...step, log: '' })].join('\n')
  expect(seen).toContain('no ***, no ***, and no ***')
  for (const secret of [password, basic, 'bearer-token-of-the-run']) expect(seen).not.toContain(secret)
  return true
})

attack(
  'registry',
  'end of the run',
  'says commands of the runner, and more than a log should hold, in a refusal',
  async () => {
    const commands = [
      '::set-output name=digest::evil',
      '::error::evil',
      '##[error]evil',
      '\u001b[2Jevil',
      '::stop-commands::evil',
    ]
    const lines = linesOf(await refused(`${commands.join('\n')}\r\n${'evil '.repeat(1_000_000)}`))
    const evil = lines.filter((line) => line.includes('evil'))
    expect(evil.map((line) => /^(POST|::error::127)/.test(line))).toEqual([true, true])
    for (const line of evil) {
      expect(line.length).toBeLessThan(1500)
      expect(line.includes('##[') || line.includes('\u001b')).toBe(false)
    }
    return true
  },
)
