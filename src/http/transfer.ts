// How does another node come to lead: of one group, of all that a node leads, or of all there are?

import type { NodeId, Term } from "../consensus/types.ts"
import type { Failure } from "../raft/Raft.ts"
import { type Door, everyGroup, jsonResponse } from "./Doors.ts"
import { millisUntil, partsOf, partsResponse } from "./everyGroup.ts"
import { atLeader, type Body, bodyObject, type MembersOptions, memberId } from "./members.ts"
import { timeoutMillis } from "./parameters.ts"
import { fromFailure, Problem } from "./problem.ts"
import { parseQuery } from "./target.ts"

/** `POST /admin/transfer`: of one group; of all that this node leads; or of all, when it is said to whom. */
export const transferLeadership = async (options: MembersOptions, request: Request): Promise<Response> => {
  const { doors, bodies } = options
  const parameters = parseQuery(request, ["group", "redirect"])
  const group = parameters.get("group")
  const isAll = group === everyGroup
  const door = isAll ? null : doors.find(group)
  const body = bodyObject(await bodies.json(request), ["to"])
  const to = body.to === undefined || body.to === null ? null : memberId(body.to, "to")
  if (door !== null) return transferOf({ options, request, body, parameters }, door, to)
  if (parameters.has("redirect"))
    throw new Problem("bad-request", "Of all groups no node is the leader to go to.")
  const deadline = doors.now() + timeoutMillis(request)
  const meant = doors.all().filter(({ raft }) => {
    const { leader, id } = raft.status()
    return to !== null || leader === id
  })
  const parts = await partsOf(meant, transfersAtOnce, async (door) => {
    const { leader, term } = door.raft.status()
    if (to !== null && leader === to) return { leader, term }
    // As if it had been asked for this group alone, also where it is passed on.
    const alone = new Request(`http://${doors.node.id}/admin/transfer?group=${door.raft.group}`, {
      method: request.method,
      headers: { "Raftlet-Timeout-Ms": String(Math.ceil(millisUntil(door, deadline))) },
    })
    const answer = await transferOf({ options, request: alone, body, parameters }, door, to)
    return { status: answer.status, ...((await answer.json()) as object) }
  })
  return partsResponse(doors, parts)
}

/** Each stands still for a moment. */
const transfersAtOnce = 8

interface TransferAsked {
  readonly options: MembersOptions
  readonly request: Request
  readonly body: Body
  readonly parameters: ReadonlyMap<string, string>
}

const transferOf = (
  { options, request, body, parameters }: TransferAsked,
  door: Door,
  to: NodeId | null,
): Promise<Response> =>
  atLeader(options, door, request, body, parameters, async (deadline) => {
    const { promise, resolve } = Promise.withResolvers<Transferred | Failure>()
    door.raft.transfer({ to, deadline, answer: resolve })
    const answer = await promise
    if ("_tag" in answer) throw fromFailure(answer)
    return jsonResponse(JSON.stringify(answer), options.doors.headers(door))
  })

interface Transferred {
  readonly leader: NodeId
  readonly term: Term
}
