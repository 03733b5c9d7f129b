import { expect, test } from 'vitest'
import { outsideLookup, type Resolve } from '../../src/registry/outside-lookup.ts'

const refusal = new Error('refused')

/** Resolves to each of these in turn, as the owner of a name can arrange. */
const leading = (...turns: string[][]): Resolve & { asked: number } => {
  const resolve = (_: string, __: unknown, callback: Parameters<Resolve>[2]): void => {
    const addresses = turns[resolve.asked++] ?? []
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }
  resolve.asked = 0
  return resolve
}

/** The addresses that a socket would connect to. */
const outcome = (resolve: Resolve, name = 'example.org', all = true): Promise<unknown> =>
  new Promise((done) =>
    outsideLookup('example.org', refusal, resolve)(name, { all }, (error, address, family) =>
      done(error ?? (family === undefined ? address : [address, family])),
    ),
  )

test('a name that leads outside leads there', async () => {
  const addresses = [
    { address: '8.8.8.8', family: 4 },
    { address: '2606:4700::1', family: 6 },
  ]
  expect(await outcome(leading(['8.8.8.8', '2606:4700::1']))).toEqual(addresses)
  expect(await outcome(leading(['8.8.8.8', '2606:4700::1']), 'example.org', false)).toEqual(['8.8.8.8', 4])
})

test.each([
  [['10.0.0.1']],
  [['::1']],
  [['8.8.8.8', '169.254.169.254']],
  [['fe80::1%eth0', '8.8.8.8']],
  [['64:ff9b::a9fe:a9fe']],
  [[]],
])('a name that leads to %j is refused', async (addresses) => {
  for (const all of [true, false]) expect(await outcome(leading(addresses), 'example.org', all)).toBe(refusal)
})

test('what is connected to is what was checked, and no later word of the name', async () => {
  const resolve = leading(['8.8.8.8'], ['127.0.0.1'])
  expect(await outcome(resolve)).toEqual([{ address: '8.8.8.8', family: 4 }])
  expect(resolve.asked).toBe(1)
  expect(await outcome(resolve)).toBe(refusal)
})

test('another name is that of the proxy, which may be private', async () => {
  expect(await outcome(leading(['10.0.0.1']), 'proxy.corp')).toEqual([{ address: '10.0.0.1', family: 4 }])
})

test('a name that nobody has is told as such', async () => {
  const missing = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
  expect(await outcome((_, __, callback) => callback(missing, []))).toBe(missing)
})
