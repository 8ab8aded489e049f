// Generated from command.proto by "bun run proto".

import type { Reader, Writer } from "protobufjs/minimal.js"

export interface CommandRecord {
  readonly actor: string
  readonly key: string
  readonly command: string
  readonly input: string
  readonly idempotencyKey: string
  readonly expectedRevisionPlusOne: number
  readonly version: string
  readonly seed: Uint8Array
  readonly caller: string
  readonly door: string
  readonly timer: string
}
export declare const CommandRecord: {
  readonly encode: (message: CommandRecord, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => CommandRecord
}
