// How does an actor's code get into the log, from whichever node it was given to? In pieces, then by its name, and
// switched on by a command of its own: each is proposed as any client's command is, and finds the leader as those do.

import type { Manifest } from "../machine/Catalogue.ts"
import type { Accepted, Outcome } from "../machine/outcome.ts"
import { encodeSystem, piecesOf, type SystemInput, type SystemName } from "../machine/system/commands.ts"
import type { Failure } from "../raft/Raft.ts"
import type { Door } from "./Doors.ts"
import { fromFailure, fromRefused } from "./problem.ts"

/** An actor's code, and what is known of it. */
export interface Release {
  readonly actor: string
  readonly version: string
  readonly code: string
  readonly manifest: Manifest
  readonly source: "file" | "upload"
}

/** Who asks, and until when. */
export interface Sender {
  readonly door: Door
  readonly node: string
  readonly deadline: number
}

/** A command of the machine's own. */
export interface SystemCommand<Name extends SystemName = SystemName> {
  readonly name: Name
  readonly key: string
  readonly input: SystemInput<Name>
}

/** Their answers, proposed in one go; throws the problem of the first that has none. */
export const send = async <Name extends SystemName>(
  sender: Sender,
  commands: ReadonlyArray<SystemCommand<Name>>,
): Promise<ReadonlyArray<Accepted>> => {
  const encoded = commands.map(({ name, key, input }) => encode(sender, name, key, input))
  return (await proposeAll(sender, encoded)).map(accepted)
}

/** The answer of one; throws the problem when there is none. */
export const command = async <Name extends SystemName>(
  sender: Sender,
  name: Name,
  key: string,
  input: SystemInput<Name>,
): Promise<Accepted> => {
  const [answer] = await send(sender, [{ name, key, input }])
  return answer!
}

/** Brings the code into the state, unless it is there. It is not switched on. */
export const bringIn = async (sender: Sender, release: Release): Promise<Accepted> => {
  const { actor, version, code, manifest, source } = release
  const pieces = piecesOf(code)
  const bytes = Buffer.byteLength(code)
  const commands = pieces.map((text, at) => encode(sender, "$actor/piece", version, { version, at, text }))
  const register = { version, pieces: pieces.length, bytes, by: sender.node, source, ...manifest }
  // In one go: the door keeps their order.
  const answers = await proposeAll(sender, [...commands, encode(sender, "$actor/register", actor, register)])
  return answers.map(accepted).at(-1)!
}

const encode = <Name extends SystemName>(
  { node }: Sender,
  name: Name,
  key: string,
  input: SystemInput<Name>,
): Uint8Array => encodeSystem(name, { key, input, id: crypto.randomUUID(), door: node })

const proposeAll = (
  { door, deadline }: Sender,
  commands: ReadonlyArray<Uint8Array>,
): Promise<ReadonlyArray<Outcome | Failure>> => {
  const answers = commands.map(() => Promise.withResolvers<Outcome | Failure>())
  door.raft.propose(
    commands.map((command, at) => ({ command, deadline, forward: true, answer: answers[at]!.resolve })),
  )
  return Promise.all(answers.map(({ promise }) => promise))
}

const accepted = (answer: Outcome | Failure): Accepted => {
  if (answer._tag === "Accepted") return answer
  throw answer._tag === "Failure" ? fromFailure(answer) : fromRefused(answer)
}
