// The thread of a flood: as many commands for one actor as its connections get answered.

import { load, post } from "./load.ts"

/** What it is told. */
export interface Flood {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  readonly actor: string
}

declare const self: Worker

self.onmessage = async ({ data }: MessageEvent<Flood>) => {
  const { actor, ...options } = data
  const requestOf = (number: number) => post(`/propose/${actor}/k${number % 1000}/add`, '{"by":1}')
  self.postMessage(await load({ ...options, requestOf }))
}
