// How does a group get past a command that nobody can execute? By an entry further on that puts its instance into
// quarantine, and says from where on nothing of it was executed.

import type { Entry, NodeId } from "../../consensus/types.ts"
import { decodeCommand, type LoggedCommand } from "../command.ts"
import type { Guilt } from "../fault.ts"
import type { Stuck } from "../MachineHost.ts"
import { encodeSystem, faultOf, readSystem } from "./commands.ts"
import type { Voided } from "./Quarantines.ts"

/** One for the instance as it stands: a second command that fails as well finds it there. */
export const quarantineFor = (
  { actor, key, version, command, input, idempotencyKey, seed, timer }: LoggedCommand,
  { kind, detail }: Guilt,
  by: NodeId,
  voidFrom: number | null = null,
): Uint8Array => {
  const said = { version, kind, detail, by, command, input, commandId: idempotencyKey, timer, voidFrom }
  return encodeSystem("$instance/quarantine", {
    key: `${actor}/${key}`,
    // Two leaders may say it of the same command in other words: neither is a second copy of the other, and whoever waits for
    // the later one is to hear of the quarantine.
    id: `${Buffer.from(seed).toString("hex")}.${Bun.hash.xxHash64(JSON.stringify(said)).toString(36)}`,
    door: by,
    input: said,
  })
}

/** For the leader of a group whose majority is stuck at this entry. */
export const voidingFor = (
  { actor, key, index }: Pick<Stuck, "actor" | "key" | "index">,
  fault: Guilt,
  { data }: Entry,
  by: NodeId,
): Uint8Array => {
  const command = decodeCommand(data)!
  // Of a repair, the instance is what it is about.
  return quarantineFor({ ...command, actor, key }, fault, by, index)
}

/** The entry among these that voids what a machine is stuck at; null when there is none. */
export const voidingOf = (stuck: Stuck, entries: ReadonlyArray<Entry>): Voided | null => {
  const { actor, key } = stuck
  for (const entry of entries) {
    const command = entry.kind === "command" ? decodeCommand(entry.data) : null
    if (command?.actor !== "$instance" || command.command !== "quarantine") continue
    if (command.key !== `${actor}/${key}`) continue
    const input = readSystem("$instance/quarantine", command.input)
    const from = input?.voidFrom ?? null
    if (input === null || from === null || from > stuck.index) continue
    const { version, command: name } = input
    return { actor, key, version, from, until: entry.index, command: name, fault: faultOf(input) }
  }
  return null
}
