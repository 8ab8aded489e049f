// Does the proxy hold, release, delay and break what nodes say to each other, and never mix it up?

import { afterEach, describe, expect, test } from "bun:test"
import { FaultProxy } from "../../scripts/chaos/FaultProxy.ts"
import { fairWeather } from "../../scripts/chaos/Network.ts"
import { until } from "../process/support/wait.ts"

/** One end of a connection, and what has come out of it. */
class End {
  received = ""
  isOver = false
  socket: Bun.Socket<unknown> | null = null

  readonly handlers = {
    open: (socket: Bun.Socket<unknown>) => {
      this.socket = socket
    },
    data: (_: Bun.Socket<unknown>, bytes: Uint8Array) => {
      this.received += Buffer.from(bytes).toString("latin1")
    },
    close: () => {
      this.isOver = true
    },
    error: () => {},
  }

  say(text: string): void {
    this.socket!.write(text)
  }

  hears(text: string): Promise<unknown> {
    return until(`"${text}" to be heard`, () => this.received === text || null)
  }

  ends(): Promise<unknown> {
    return until("the end", () => this.isOver || null)
  }
}

const closing: Array<() => void> = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** Two nodes, each listening for connections that are kept in `accepted`. */
const setUp = (random?: () => number) => {
  const listen = () => {
    const accepted: Array<End> = []
    const listener = Bun.listen<End>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          const end = new End()
          socket.data = end
          end.handlers.open(socket)
          accepted.push(end)
        },
        data: (socket, bytes) => socket.data.handlers.data(socket, bytes),
        close: (socket) => socket.data.handlers.close(),
        error: () => {},
      },
    })
    closing.push(() => listener.stop(true))
    return { port: listener.port, accepted }
  }
  const [one, two] = [listen(), listen()]
  const proxy = new FaultProxy(
    [
      { id: "n1", port: one.port },
      { id: "n2", port: two.port },
    ],
    random,
  )
  closing.push(() => proxy.close())
  const dial = async (from: string, to: string): Promise<End> => {
    const end = new End()
    const port = proxy.portOf({ from, to })
    await Bun.connect({ hostname: "127.0.0.1", port, socket: end.handlers })
    return end
  }
  /** A connection from n1 to n2, both of its ends. */
  const connect = async (): Promise<readonly [End, End]> => {
    const count = two.accepted.length
    const dialer = await dial("n1", "n2")
    return [dialer, await until("the other end", () => two.accepted[count] ?? null)]
  }
  return { one, two, proxy, dial, connect }
}

const forth = { from: "n1", to: "n2" }
const back = { from: "n2", to: "n1" }
const cut = (...links: ReadonlyArray<typeof forth>) => ({ ...fairWeather, cut: links })

describe("in fair weather", () => {
  test("each port leads to its own node", async () => {
    const { one, two, dial } = setUp()
    const [toTwo, toOne] = [await dial("n1", "n2"), await dial("n2", "n1")]
    toTwo.say("to two")
    toOne.say("to one")
    await until("both", () => (one.accepted.length === 1 && two.accepted.length === 1) || null)
    await Promise.all([one.accepted[0]!.hears("to one"), two.accepted[0]!.hears("to two")])
  })

  test("what is said arrives in both directions, whole and in order, and then the end", async () => {
    const { proxy, connect } = setUp()
    const [dialer, accepter] = await connect()
    const text = Array.from({ length: 20_000 }, (_, at) => `${at},`).join("")
    dialer.say("hello")
    await accepter.hears("hello")
    accepter.say(text)
    await dialer.hears(text)
    dialer.say(" and goodbye")
    dialer.socket!.end()
    await accepter.hears("hello and goodbye")
    await accepter.ends()
    await until("nothing to be left", () => proxy.connections === 0 || null)
  })

  test("a node that is not there is a connection that ends", async () => {
    const proxy = new FaultProxy([
      { id: "n1", port: 1 },
      { id: "n2", port: 1 },
    ])
    closing.push(() => proxy.close())
    const end = new End()
    await Bun.connect({ hostname: "127.0.0.1", port: proxy.portOf(forth), socket: end.handlers })
    await end.ends()
    await until("nothing to be left", () => proxy.connections === 0 || null)
  })
})

describe("a cut link", () => {
  test("holds one direction and not the other, and gives out in order what it held", async () => {
    const { proxy, connect } = setUp()
    const [dialer, accepter] = await connect()
    proxy.setWeather(cut(forth))
    dialer.say("held ")
    // Long enough for "held" to arrive, had it been let through.
    for (let round = 1; round <= 20; round++) {
      accepter.say(".")
      await dialer.hears(".".repeat(round))
    }
    expect(accepter.received).toBe("")
    dialer.say("back")
    proxy.setWeather(fairWeather)
    await accepter.hears("held back")
  })

  test("cuts the answers on a connection that the other side had dialed", async () => {
    const { proxy, connect } = setUp()
    const [dialer, accepter] = await connect()
    proxy.setWeather(cut(back))
    accepter.say("held")
    for (let round = 1; round <= 20; round++) {
      dialer.say(".")
      await accepter.hears(".".repeat(round))
    }
    expect(dialer.received).toBe("")
    proxy.setWeather(fairWeather)
    await dialer.hears("held")
  })

  test.each([
    ["forth", forth],
    ["back", back],
  ])("lets nobody connect, whichever way it is cut: %s", async (_, link) => {
    const { one, two, proxy, dial } = setUp()
    proxy.setWeather(cut(link))
    const [dialer, other] = [await dial("n1", "n2"), await dial("n2", "n1")]
    dialer.say("hello")
    expect([one.accepted, two.accepted]).toEqual([[], []])
    proxy.setWeather(fairWeather)
    await until("the other end", () => two.accepted[0] ?? null)
    await two.accepted[0]!.hears("hello")
    expect(other.isOver).toBe(false)
  })

  test("holds the end too", async () => {
    const { proxy, connect } = setUp()
    const [dialer, accepter] = await connect()
    const [otherDialer, otherAccepter] = await connect()
    proxy.setWeather(cut(forth))
    dialer.say("last words")
    dialer.socket!.end()
    for (let round = 1; round <= 20; round++) {
      otherAccepter.say(".")
      await otherDialer.hears(".".repeat(round))
    }
    expect([accepter.received, accepter.isOver]).toEqual(["", false])
    proxy.setWeather(fairWeather)
    await accepter.hears("last words")
    await accepter.ends()
  })

  test("takes no more than a socket does", async () => {
    const { proxy, connect } = setUp()
    const [dialer, accepter] = await connect()
    proxy.setWeather(cut(forth))
    const pieces = Array.from({ length: 64 }, (_, at) => new Uint8Array(64 * 1024).fill(65 + (at % 26)))
    const bytesMax = 64 * 1024 * 1024
    let sent = ""
    // The kernel takes some megabytes on each side of the proxy; beyond that it must say no.
    const isFull = (): true | null => {
      const before = sent.length
      for (const piece of pieces) {
        const taken = Math.max(0, dialer.socket!.write(piece))
        sent += Buffer.from(piece.subarray(0, taken)).toString()
        if (taken < piece.length) break
      }
      return sent.length === before || sent.length > bytesMax || null
    }
    await until("the link to be full", isFull)
    expect(sent.length).toBeLessThan(bytesMax)
    proxy.setWeather(fairWeather)
    dialer.socket!.end()
    await accepter.ends()
    expect(accepter.received === sent).toBe(true)
  })
})

test("a slow link keeps the order, also when it gets fast again", async () => {
  const { proxy, connect } = setUp()
  const [dialer, accepter] = await connect()
  proxy.setWeather({ ...fairWeather, delayMillis: 60_000 })
  dialer.say("slow ")
  // It cannot be too late: on a link without delay it would be there.
  await Bun.sleep(20)
  expect(accepter.received).toBe("")
  proxy.setWeather(fairWeather)
  dialer.say("fast")
  await accepter.hears("slow fast")
})

test("loss is a connection that breaks on both sides, with the chance that the weather gives", async () => {
  let chance = 0.2
  const { proxy, connect } = setUp(() => chance)
  const [dialer, accepter] = await connect()
  proxy.setWeather({ ...fairWeather, lossPercent: 10 })
  proxy.resetSome()
  expect(proxy.connections).toBe(1)
  chance = 0.05
  proxy.resetSome()
  await Promise.all([dialer.ends(), accepter.ends()])
  expect(proxy.connections).toBe(0)
})

test("a closed proxy ends everything", async () => {
  const { proxy, connect, dial } = setUp()
  const [dialer, accepter] = await connect()
  proxy.close()
  await Promise.all([dialer.ends(), accepter.ends()])
  expect(await dial("n1", "n2").catch((error: Error) => error)).toBeInstanceOf(Error)
})
