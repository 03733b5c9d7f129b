import { join } from 'node:path'
import type { Compression } from '../../src/archive/compression.ts'
import { writeLayer } from '../../src/archive/layer.ts'
import { tar } from '../../src/archive/tar.ts'
import { storePathsTree } from '../../src/archive/tree.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { pushLayer } from '../../src/registry/push.ts'
import { testClient } from './pushed-image.ts'

/** Packs and pushes a tree in a process of its own, and prints the most memory that this process took, in MB. */

const [host = '', path = '', folder = '', algorithm = '', level = ''] = process.argv.slice(2)
const compression = { algorithm: algorithm as Compression['algorithm'], level: Number(level) }
const layer = await writeLayer(tar(storePathsTree([path as StorePath])), join(folder, algorithm), compression)
await pushLayer(testClient(host, 'packed'), { ...layer })
console.log(process.resourceUsage().maxRSS / 1000)
