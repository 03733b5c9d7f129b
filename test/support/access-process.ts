import { hurried, testClient } from './pushed-image.ts'

/**
 * Asks a registry whether this user may push, and prints how that ended: `access-process.ts HOST TOKEN-HOST …`. Runs as
 * a process of its own, so that names can lead elsewhere for it, see `runWithHosts`.
 */
const [host = '', ...tokenHosts] = process.argv.slice(2)
const credentials = { username: 'me', password: 'secret', tokenHosts }
console.log(
  await testClient(host, 'tools', { credentials, clock: hurried(200, 5000) })
    .checkAccess()
    .then(
      () => 'done',
      (error: Error) => error.message,
    ),
)
