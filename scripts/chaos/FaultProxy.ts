// How are faults put between nodes without asking the system for anything? Every node dials every other one at
// a port of this proxy, which knows by the port who speaks to whom.
//
//   n1 ──▶ port of (n1, n2) ── stream n1 → n2 ──▶ n2's peer port
//      ◀────────────────────── stream n2 → n1 ───
//
// TCP loses no bytes, it only brings them late or breaks: a cut link holds what is said until it is whole again,
// and loss is a connection that is reset now and then.

import type { Link, Weather } from "./Network.ts"
import { fairWeather } from "./Network.ts"
import { Stream } from "./Stream.ts"

export interface Target {
  readonly id: string
  readonly port: number
}

/** Listens and dials on loopback only. */
export class FaultProxy {
  readonly #listeners = new Map<string, Bun.TCPSocketListener>()
  readonly #connections = new Set<Connection>()
  readonly #random: () => number
  #weather = fairWeather
  #lossTimer: ReturnType<typeof setInterval> | null = null

  /** One port for each ordered pair of `targets`. `random`: 0 ≤ x < 1. */
  constructor(targets: ReadonlyArray<Target>, random: () => number = Math.random) {
    this.#random = random
    for (const { id: from } of targets) {
      for (const { id: to, port } of targets) {
        if (from !== to) this.#listeners.set(nameOf({ from, to }), this.#listen({ from, to }, port))
      }
    }
  }

  /** Where `from` finds `to`. */
  portOf(link: Link): number {
    return this.#listeners.get(nameOf(link))!.port
  }

  get connections(): number {
    return this.#connections.size
  }

  setWeather(weather: Weather): void {
    this.#weather = weather
    for (const connection of this.#connections) connection.setWeather(weather)
    if (this.#lossTimer !== null) clearInterval(this.#lossTimer)
    this.#lossTimer = weather.lossPercent === 0 ? null : setInterval(() => this.resetSome(), lossMillis)
  }

  /** Each connection with the chance of the weather's loss. */
  resetSome(): void {
    for (const connection of this.#connections) {
      if (this.#random() * 100 < this.#weather.lossPercent) connection.reset()
    }
  }

  close(): void {
    this.setWeather(fairWeather)
    for (const listener of this.#listeners.values()) listener.stop(true)
    for (const connection of this.#connections) connection.reset()
  }

  #listen(link: Link, targetPort: number): Bun.TCPSocketListener {
    return Bun.listen<Connection | null>({
      hostname: "127.0.0.1",
      port: 0,
      data: null,
      socket: {
        open: (socket) => {
          const connection = new Connection(link, targetPort, socket, () =>
            this.#connections.delete(connection),
          )
          socket.data = connection
          this.#connections.add(connection)
          connection.setWeather(this.#weather)
        },
        data: (socket, bytes) => socket.data?.fromDialer(bytes),
        drain: (socket) => socket.data?.dialerDrained(),
        close: (socket) => socket.data?.dialerClosed(),
        error: (socket) => socket.data?.reset(),
      },
    }) as Bun.TCPSocketListener
  }
}

/** As often as a sender on a real network would send again what was lost. */
const lossMillis = 200

const nameOf = ({ from, to }: Link): string => `${from} ${to}`

/** What one node dialed, and what was dialed for it. */
class Connection {
  readonly #link: Link
  readonly #targetPort: number
  readonly #dialer: Bun.Socket<unknown>
  readonly #ended: () => void
  #target: Bun.Socket<unknown> | null = null
  #forth: Stream | null = null
  #back: Stream | null = null
  #weather = fairWeather
  #isDialing = false
  #openEnds = 1

  constructor(link: Link, targetPort: number, dialer: Bun.Socket<unknown>, ended: () => void) {
    this.#link = link
    this.#targetPort = targetPort
    this.#dialer = dialer
    this.#ended = ended
    // What comes before there is somebody to take it stays in the socket.
    dialer.pause()
  }

  setWeather(weather: Weather): void {
    this.#weather = weather
    const { from, to } = this.#link
    const isCut = (link: Link): boolean =>
      weather.cut.some((cut) => cut.from === link.from && cut.to === link.to)
    const [forth, back] = [isCut({ from, to }), isCut({ from: to, to: from })]
    const { delayMillis } = weather
    this.#forth?.set({ isHeld: forth, delayMillis })
    this.#back?.set({ isHeld: back, delayMillis })
    // A connection is made by packets in both directions.
    if (!forth && !back && !this.#isDialing) this.#dial()
  }

  fromDialer(bytes: Uint8Array): void {
    this.#forth?.take(bytes)
  }

  dialerDrained(): void {
    this.#back?.sinkDrained()
  }

  dialerClosed(): void {
    this.#end()
    this.#forth?.sourceEnded()
  }

  /** Both ends learn at once that it is over. */
  reset(): void {
    this.#forth?.close()
    this.#back?.close()
    this.#dialer.terminate()
    this.#target?.terminate()
    this.#ended()
  }

  #dial(): void {
    this.#isDialing = true
    Bun.connect({
      hostname: "127.0.0.1",
      port: this.#targetPort,
      socket: {
        open: (target) => this.#opened(target),
        data: (_, bytes) => this.#back?.take(bytes),
        drain: () => this.#forth?.sinkDrained(),
        close: () => {
          this.#end()
          this.#back?.sourceEnded()
        },
        error: () => this.reset(),
      },
    }).catch(() => this.reset())
  }

  #opened(target: Bun.Socket<unknown>): void {
    if (this.#openEnds === 0) return void target.terminate()
    this.#openEnds += 1
    this.#target = target
    target.setNoDelay(true)
    this.#dialer.setNoDelay(true)
    this.#forth = new Stream(this.#dialer, target)
    this.#back = new Stream(target, this.#dialer)
    this.setWeather(this.#weather)
    this.#dialer.resume()
  }

  #end(): void {
    this.#openEnds -= 1
    if (this.#openEnds === 0) this.#ended()
  }
}
