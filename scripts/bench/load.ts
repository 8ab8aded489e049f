// How fast does a server answer a fixed number of connections, each with one request under way?

/** A request as bytes, made anew for each number. */
export type RequestOf = (number: number) => string

export interface Measured {
  readonly requests: number
  readonly failed: number
  readonly seconds: number
  readonly perSecond: number
  readonly p50Millis: number
  readonly p99Millis: number
  readonly maxMillis: number
}

/**
 * Plain sockets and as little parsing as possible: the generator shares two cores with what it measures.
 * Every connection sends its next request when the answer to the last is complete.
 */
export const load = async (options: {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  readonly requestOf: RequestOf
}): Promise<Measured> => {
  const { port, connections, requestOf } = options
  const latencies: Array<number> = []
  let failed = 0
  let number = 0
  const began = performance.now()
  const end = began + options.seconds * 1000
  const closed = Array.from({ length: connections }, () => Promise.withResolvers<void>())
  await Promise.all(
    closed.map(async ({ promise, resolve }) => {
      let sentAt = 0
      let missing = 0
      let head = ""
      await Bun.connect({
        hostname: "127.0.0.1",
        port,
        socket: {
          open(socket) {
            sentAt = performance.now()
            socket.write(requestOf(number++))
          },
          data(socket, bytes) {
            if (missing === 0) {
              head += bytes.toString("latin1")
              const headEnd = head.indexOf("\r\n\r\n")
              if (headEnd === -1) return
              const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
              missing = headEnd + 4 + length - head.length
              if (!head.startsWith("HTTP/1.1 200")) failed++
            } else missing -= bytes.length
            if (missing > 0) return
            head = ""
            missing = 0
            const now = performance.now()
            latencies.push(now - sentAt)
            if (now >= end) {
              socket.end()
              return
            }
            sentAt = now
            socket.write(requestOf(number++))
          },
          close: () => resolve(),
          error: () => resolve(),
        },
      })
      await promise
    }),
  )
  const seconds = (performance.now() - began) / 1000
  latencies.sort((a, b) => a - b)
  const quantile = (q: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? Number.NaN
  return {
    requests: latencies.length,
    failed,
    seconds,
    perSecond: (latencies.length - failed) / seconds,
    p50Millis: quantile(0.5),
    p99Millis: quantile(0.99),
    maxMillis: latencies.at(-1) ?? Number.NaN,
  }
}

export const post = (path: string, body: string, headers = ""): string =>
  `POST ${path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`

export const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`
