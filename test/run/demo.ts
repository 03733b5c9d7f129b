import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { root, runAction } from '../support/action.ts'
import { unpackImage } from '../support/container.ts'
import { debianSet } from '../support/debian-set.ts'
import { prepareNixConfig } from '../support/test-world.ts'

/**
 * `npm run demo`: makes an image of a few programs with the bundled action, started as a runner starts it, and runs the
 * image.
 */

const packages = 'bash coreutils git jq'
const output = join(root, '.cache', 'demo-image')
const start = performance.now()

console.log('── A package set, made of Debian packages')
await prepareNixConfig()
await rm(output, { recursive: true, force: true })

console.log(`── The action, with packages: ${packages}`)
const step = await runAction({ packages, nixpkgs: await debianSet(), push: 'false', output, tags: 'demo' })
console.log(step.log.replaceAll(/^::(debug|group|endgroup|add-mask)::.*\n/gm, ''))
if (step.exitCode !== 0) process.exit(1)

console.log('── The summary of the step\n')
console.log(step.summary)

console.log('── Programs from the image, in a container')
await using container = await unpackImage(`oci:${output}:demo`)
const commands = [
  ['git', '--version'],
  ['bash', '-c', `echo '{"from": "jq"}' | jq -c .`],
]
for (const command of commands) {
  const { stdout, stderr, exitCode } = await container.run(command)
  process.stdout.write(`$ ${command.join(' ')}\n${stdout}${stderr}`)
  if (exitCode !== 0) process.exit(1)
}

const seconds = ((performance.now() - start) / 1000).toFixed(0)
const image = output.slice(root.length + 1)
console.log(`\nnpm run demo: built an image of ${packages} into ${image} and ran git and jq from it, in ${seconds} s.`)
