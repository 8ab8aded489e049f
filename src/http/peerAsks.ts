// What does a node ask of a member on behalf of its own clients, and what does that one answer? Of a group that runs here and
// not there. It is never passed on again.

import { Effect } from "effect"
import { decodeCommand } from "../machine/command.ts"
import type { MachineFailed, Query } from "../machine/MachineHost.ts"
import type { Outcome } from "../machine/outcome.ts"
import type { Failure, LogRange } from "../raft/Raft.ts"
import type { Bodies } from "./Bodies.ts"
import { askRead, awaitActor, type Door, type Doors, jsonResponse } from "./Doors.ts"
import type { Ask } from "./FarDoor.ts"
import { isObject, refuseUnknown } from "./fields.ts"
import { membersOf } from "./members.ts"
import { timeoutMillis } from "./parameters.ts"
import { Problem } from "./problem.ts"
import { within } from "./snapshots.ts"
import { checkActor, decodePart, parseQuery } from "./target.ts"

/** As many as a batch may hold, and those that bring in the code of an actor. */
const commandsMax = 1100

/** `POST /admin/groups/{group}/ask` */
export const answerPeer = async (
  { doors, bodies }: { readonly doors: Doors; readonly bodies: Bodies },
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> => {
  parseQuery(request, [])
  const group = decodePart(segments[0]!, "The group's name")
  const body = await bodies.json(request, true)
  const door = doors.open(group)
  if (door === undefined) throw new Problem("not-ready", `This node does not run the group ${group}.`)
  const millis = timeoutMillis(request)
  const ask = asked(body)
  const before = door.raft.now()
  // What this node's own files bring in: who asks cannot know.
  for (const actor of actorsOf(ask)) await awaitActor(doors, actor, millis)
  const said = await answer(door, ask, Math.max(1, millis - (door.raft.now() - before)))
  const { leader, term } = door.raft.status()
  return jsonResponse(JSON.stringify({ ...said, leader, term }), doors.headers(door))
}

const answer = async (door: Door, ask: Ask, millis: number): Promise<object> => {
  const deadline = door.raft.now() + millis
  switch (ask.ask) {
    case "propose":
      return { answers: await propose(door, ask.commands, deadline) }
    case "read": {
      const { maxStalenessMillis, ...read } = ask.read
      const staleness = maxStalenessMillis ?? Number.POSITIVE_INFINITY
      return { answer: await askRead(door, { ...read, maxStalenessMillis: staleness, deadline }) }
    }
    case "status": {
      const { leader, term, configuration } = door.raft.status()
      return { answer: { leader, term, members: membersOf(configuration) } }
    }
    case "actors":
      return { answer: await seen(door.machine.actors, millis) }
    case "plan": {
      const recorded = ask.asked.recorded.map(([index, text]) => ({ index, command: bytesOf(text) }))
      return { answer: await seen(door.machine.plan({ ...ask.asked, recorded }), millis) }
    }
    case "shard":
      return { answer: await seen(door.machine.shard(ask.actor), millis) }
    case "log": {
      const page = await Effect.runPromise(Effect.orElseSucceed(door.raft.log(ask.range), () => null))
      if (page === null) throw new Problem("not-ready", "This node's log is in repair.")
      const entries = page.entries.map((entry) => ({
        ...entry,
        command: entry.command === null ? null : Buffer.from(entry.command).toString("base64"),
      }))
      return { answer: { ...page, entries } }
    }
  }
}

const actorsOf = (ask: Ask): ReadonlyArray<string> => {
  if (ask.ask === "read") return [ask.read.query.actor]
  if (ask.ask !== "propose") return []
  return [...new Set(ask.commands.flatMap((text) => decodeCommand(bytesOf(text))?.actor ?? []))]
}

const propose = (
  door: Door,
  commands: ReadonlyArray<string>,
  deadline: number,
): Promise<ReadonlyArray<Outcome | Failure>> => {
  const answers = commands.map(() => Promise.withResolvers<Outcome | Failure>())
  // In one call: so they keep their order.
  door.raft.propose(
    commands.map((text, at) => ({
      command: bytesOf(text),
      deadline,
      forward: true,
      answer: answers[at]!.resolve,
    })),
  )
  return Promise.all(answers.map(({ promise }) => promise))
}

const seen = async <A>(asked: Effect.Effect<A, MachineFailed>, millis: number): Promise<A> => {
  const said = await within(millis, Effect.runPromise(Effect.orElseSucceed(asked, () => null)), null)
  if (said === null) throw new Problem("not-ready", "This node's state of the group does not answer.")
  return said
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text, "base64")

/** Throws a problem. Nodes of one release say what fits; whoever else comes here gets no further than they. */
const asked = (body: unknown): Ask => {
  if (!isObject(body)) throw new Problem("bad-request", "The body must be an object.")
  const only = (...fields: ReadonlyArray<string>) => refuseUnknown(body, ["ask", ...fields], "The body")
  switch (body.ask) {
    case "propose": {
      only("commands")
      const { commands } = body
      if (!Array.isArray(commands) || commands.length > commandsMax || !commands.every(isCommand)) {
        throw new Problem("bad-request", `commands must be at most ${commandsMax} commands in Base64.`)
      }
      return { ask: "propose", commands }
    }
    case "read": {
      only("read")
      if (!isObject(body.read) || !isQuery(body.read.query)) {
        throw new Problem("bad-request", "read must hold a query.")
      }
      checkActor(body.read.query.actor)
      return { ask: "read", read: body.read as Extract<Ask, { ask: "read" }>["read"] }
    }
    case "status":
      only()
      return { ask: "status" }
    case "actors":
      only()
      return { ask: "actors" }
    case "plan":
      only("asked")
      if (!isObject(body.asked) || !Array.isArray(body.asked.recorded)) break
      return { ask: "plan", asked: body.asked as unknown as Extract<Ask, { ask: "plan" }>["asked"] }
    case "shard":
      only("actor")
      if (typeof body.actor !== "string") break
      return { ask: "shard", actor: body.actor }
    case "log":
      only("range")
      if (!isObject(body.range)) break
      return { ask: "log", range: body.range as unknown as LogRange }
  }
  throw new Problem("bad-request", "Nothing like this is asked here.")
}

const isCommand = (text: unknown): boolean =>
  typeof text === "string" && decodeCommand(bytesOf(text)) !== null

const isQuery = (query: unknown): query is Query =>
  isObject(query) &&
  (query.type === "query" || query.type === "state" || query.type === "list") &&
  typeof query.actor === "string"
