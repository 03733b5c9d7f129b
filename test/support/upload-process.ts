import { digestOf } from '../../src/oci/descriptor.ts'
import { hurried, testClient } from './pushed-image.ts'

/**
 * Sends a blob, asks for a manifest and for the same blob, and prints how each request ended: `upload-process.ts HOST`.
 * Runs as a process of its own, so that names can lead elsewhere for it, see `runWithHosts`.
 */
const [host = ''] = process.argv.slice(2)
const bytes = Buffer.from('data')
const digest = digestOf(bytes)
const client = testClient(host, 'tools', { clock: hurried(200, 1000) })
const works: readonly (() => Promise<unknown>)[] = [
  () => client.putBlob({ mediaType: 'x', digest, size: bytes.length }, bytes),
  () => client.getManifest('v1'),
  () => client.getBlob(digest),
]
for (const work of works)
  console.log(
    await client.retrying(work).then(
      () => 'done',
      (error: Error) => error.message,
    ),
  )
