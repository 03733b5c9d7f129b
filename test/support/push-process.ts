import { systemClock } from '../../src/lib/clock.ts'
import { push, testClient, testImage } from './pushed-image.ts'

/** Pushes in a process of its own, with the clock of a runner: `push-process.ts HOST NAME FOLDER SEED SIZE …`. */
const [host = '', name = '', folder = '', seed = '', ...sizes] = process.argv.slice(2)
const image = await testImage(folder, seed, sizes.map(Number))
process.stdout.write('ready\n')
await push(testClient(host, name, { clock: systemClock }), image)
