import { afterAll, beforeAll, expect, test } from 'vitest'
import { megabytes } from '../src/lib/units.ts'
import { runAction, type StepResult } from './support/action.ts'
import { type FaultProxy, type Rule, startFaultProxy } from './support/fault-proxy.ts'
import { stages } from './support/faults.ts'
import { smallSet } from './support/nix.ts'
import { push, testClient, testImage } from './support/pushed-image.ts'
import { type Registry, startRegistry } from './support/registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** A run reports as many sent bytes as the registry receives; a proxy in front of the registry counts them. */

let registry: Registry
beforeAll(async () => {
  registry = await startRegistry()
})
afterAll(() => registry.stop())

const received = ({ requests }: FaultProxy): number => requests.reduce((total, { bodyBytes }) => total + bodyBytes, 0)

/** The number of sent bytes in the step's outputs. */
const uploaded = ({ outputs }: StepResult): number => JSON.parse(outputs['metadata'] ?? '').bytes.uploaded

test('a run says how many bytes it has sent, in its outputs and in its summary', async () => {
  await using proxy = await startFaultProxy(registry.host)
  const inputs = { packages: 'tree other', nixpkgs: smallSet, image: `${proxy.host}/sent`, tags: 'v1' }
  const first = await runAction(inputs)
  expect(first.exitCode, first.log).toBe(0)
  // The layers, the configuration, and the manifest under its digest and under its tag.
  expect(received(proxy)).toBeGreaterThan(5000)
  expect(uploaded(first)).toBe(received(proxy))
  expect(first.summary).toContain(`Sent ${megabytes(received(proxy))} in ${proxy.requests.length} requests`)

  const before = received(proxy)
  const again = await runAction(inputs)
  expect(again.exitCode, again.log).toBe(0)
  expect(uploaded(again)).toBe(received(proxy) - before)
  expect(uploaded(again)).toBeLessThan(uploaded(first))
})

const sizes = [3_000_000, 70_000]
const size = sizes.reduce((total, size) => total + size)

test('a client counts the bytes of bodies, once each', async () => {
  await using folder = await temporaryFolder('sent')
  await using proxy = await startFaultProxy(registry.host)
  const client = testClient(proxy.host, 'counted')
  await push(client, await testImage(folder.path, 'counted', sizes))
  expect(client.bytesSent).toBe(received(proxy))
  expect(client.bytesSent).toBeGreaterThan(size)
  expect(client.bytesSent).toBeLessThan(size + 10_000)
})

test.each<[string, Rule['fault']]>([
  ['broken off', { resetAt: 0.5 }],
  ['refused when all of it was there', { answer: 503 }],
])('a client counts what it has sent again, where an upload was %s', async (name, fault) => {
  await using folder = await temporaryFolder('sent')
  await using proxy = await startFaultProxy(registry.host, [{ fits: stages.upload, fault }])
  const client = testClient(proxy.host, `again-${name.replaceAll(' ', '-')}`)
  await push(client, await testImage(folder.path, name, sizes))
  expect(proxy.requests.filter(({ fault }) => fault)).toHaveLength(1)
  expect(client.bytesSent).toBeGreaterThanOrEqual(received(proxy))
  // Nobody received the bytes that were on their way when the connection broke.
  expect(client.bytesSent).toBeLessThan(2 * size + 10_000)
})
