// How fast does a server answer a fixed number of connections, each with one request under way?

/** A request as bytes, made anew for each number. Connections count from 0. */
export type RequestOf = (number: number, connection: number) => string

export interface LoadOptions {
  /** Of all connections, or of each. */
  readonly port: number | ((connection: number) => number)
  readonly connections: number
  readonly seconds: number
  readonly requestOf: RequestOf
  /** Between an answer and the next request of the same connection; 0 when nothing is said. */
  readonly pauseMillis?: number
}

export interface Measured {
  /** How long each request took, ms; in no order. */
  readonly latencies: ReadonlyArray<number>
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
export const load = async (options: LoadOptions): Promise<Measured> => {
  const { port, connections, requestOf, pauseMillis = 0 } = options
  const latencies: Array<number> = []
  let failed = 0
  let number = 0
  const began = performance.now()
  const end = began + options.seconds * 1000
  const closed = Array.from({ length: connections }, () => Promise.withResolvers<void>())
  await Promise.all(
    closed.map(async ({ promise, resolve }, connection) => {
      let sentAt = 0
      let missing = 0
      let head = ""
      await Bun.connect({
        hostname: "127.0.0.1",
        port: typeof port === "number" ? port : port(connection),
        socket: {
          open(socket) {
            sentAt = performance.now()
            socket.write(requestOf(number++, connection))
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
            const ask = () => {
              sentAt = performance.now()
              socket.write(requestOf(number++, connection))
            }
            if (pauseMillis === 0) ask()
            else setTimeout(ask, pauseMillis)
          },
          close: () => resolve(),
          error: () => resolve(),
        },
      })
      await promise
    }),
  )
  return measured(latencies, failed, (performance.now() - began) / 1000)
}

/** What was measured several times, as if it had been once. */
export const together = (parts: ReadonlyArray<Measured>): Measured =>
  measured(
    parts.flatMap(({ latencies }) => latencies),
    parts.reduce((sum, { failed }) => sum + failed, 0),
    parts.reduce((sum, { seconds }) => sum + seconds, 0),
  )

const measured = (latencies: ReadonlyArray<number>, failed: number, seconds: number): Measured => {
  const sorted = latencies.toSorted((left, right) => left - right)
  return {
    latencies,
    requests: latencies.length,
    failed,
    seconds,
    perSecond: (latencies.length - failed) / seconds,
    p50Millis: quantile(sorted, 0.5),
    p99Millis: quantile(sorted, 0.99),
    maxMillis: sorted.at(-1) ?? Number.NaN,
  }
}

/** Of numbers in their order; NaN when there is none. */
export const quantile = (sorted: ReadonlyArray<number>, part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN

export const post = (path: string, body: string, headers = ""): string =>
  `POST ${path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`

export const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`
