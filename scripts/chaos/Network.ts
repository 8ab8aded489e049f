// What lies between the nodes, and what can be done to it?

import type { Place } from "../../test/process/support/NodeProcess.ts"

/** One direction: what `from` says to `to`. */
export interface Link {
  readonly from: string
  readonly to: string
}

/** All that is wrong with the network at one time. */
export interface Weather {
  readonly cut: ReadonlyArray<Link>
  /** On every link, at random. */
  readonly lossPercent: number
  /** On every link. 0 where the network has no means to do it. */
  readonly delayMillis: number
}

export const fairWeather: Weather = { cut: [], lossPercent: 0, delayMillis: 0 }

/** Between nodes alone: clients reach every node at any time. */
export interface Network {
  readonly kind: "namespaces" | "proxy"
  readonly delays: boolean
  readonly places: ReadonlyArray<Place>
  /** Holds when it resolves. The weather before is over. */
  readonly setWeather: (weather: Weather) => Promise<void>
  /** Nothing is left of it. Also when called from a process that is exiting. */
  readonly remove: () => void
}

export const nodeIds = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, at) => `n${at + 1}`)

/** Names no addresses, so that nodes that know each other by different ones are one cluster. */
export const clusterId = "chaos"
