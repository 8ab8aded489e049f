// Which ports can a node have, and have again after a restart?

/**
 * Free ports below the range from which the system takes its own: there, a connection attempt to a node that
 * is down could get the node's port, and even connect to itself.
 */
export const freePorts = (count: number): ReadonlyArray<number> => {
  const held: Array<Bun.TCPSocketListener> = []
  try {
    while (held.length < count) {
      const port = portMin + Math.floor(Math.random() * (portMax - portMin))
      try {
        held.push(Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => {} } }))
      } catch {
        // Taken: the next one may be free.
      }
    }
    return held.map(({ port }) => port)
  } finally {
    for (const listener of held) listener.stop(true)
  }
}

const portMin = 12_000
const portMax = 32_000
