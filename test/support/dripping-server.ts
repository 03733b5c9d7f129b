import { type AddressInfo, createServer, type Socket } from 'node:net'

/** A server on loopback that sends its answer in pieces, one every 50 ms. `port` is where it listens. */
export type DrippingServer = AsyncDisposable & { readonly port: number }

/**
 * Starts the server. It sends `begin` when the first bytes have come, then the pieces of `drip` in turn, over and over.
 * A function as `drip` handles each connection by itself.
 */
export const startDrippingServer = async (
  begin: string | Buffer,
  drip: readonly (string | Buffer)[] | ((socket: Socket) => void),
): Promise<DrippingServer> => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    if (typeof drip === 'function') return drip(socket)
    socket.once('data', () => {
      if (begin.length > 0) socket.write(begin)
      let next = 0
      const timer = setInterval(() => socket.write(drip[next++ % drip.length] ?? ''), 50)
      socket.on('close', () => clearInterval(timer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
