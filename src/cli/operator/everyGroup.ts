// What has each group answered to a request for all of them? A line for each that did it, and who could not, and why.

import { Effect, Schema } from "effect"
import { CliFailure, exitCodes } from "../CliFailure.ts"
import { toggle } from "../flags.ts"
import { printable, table } from "../tables.ts"
import { type ClusterClient, decodeAnswer } from "./ClusterClient.ts"
import type { Answer } from "./nodeRequest.ts"
import { type OperatorFlags, show } from "./operatorFlags.ts"

/** In the place of a group's name. */
export const everyGroup = "*"

/** For verbs that all groups can be asked for at once. */
export const allGroupsFlag = {
  allGroups: toggle("all-groups", "Of all groups: the same as --group '*'"),
}

/** The flags, with all groups meant where that was said. */
export const overGroups = <Flags extends OperatorFlags>({
  allGroups,
  ...flags
}: Flags & { readonly allGroups: boolean }): OperatorFlags =>
  allGroups ? { ...flags, group: everyGroup } : flags

export const isOfAll = ({ options }: ClusterClient): boolean => options.group === everyGroup

/** How a group that did it is shown; the table's first column is its name. */
export interface PartTable<A> {
  readonly head: ReadonlyArray<string>
  readonly schema: Schema.Decoder<A>
  readonly row: (part: A) => ReadonlyArray<string | number>
}

const PartsAnswer = Schema.Struct({ groups: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)) })

const Head = Schema.Struct({ group: Schema.String, status: Schema.Finite })

const Problem = Schema.Struct({ code: Schema.String, detail: Schema.String, outcome: Schema.String })

/** Fails when any group could not do it, and names the first ones. */
export const showParts = Effect.fnUntraced(function* <A>(
  client: ClusterClient,
  answer: Answer,
  { head, schema, row }: PartTable<A>,
) {
  const { groups } = yield* decodeAnswer(PartsAnswer, answer)
  const rows: Array<ReadonlyArray<string | number>> = []
  const failures: Array<typeof Problem.Type & { readonly group: string }> = []
  for (const body of groups) {
    const part = { ...answer, body }
    const { group, status } = yield* decodeAnswer(Head, part)
    if (status < 400) rows.push([group, ...row(yield* decodeAnswer(schema, part))])
    else failures.push({ group, ...(yield* decodeAnswer(Problem, part)) })
  }
  yield* show(client, answer.text, () => table(["group", ...head], rows))
  if (failures.length === 0) return
  const told = failures
    .slice(0, toldMax)
    .map(({ group, code, detail }) => `${printable(group)}: ${printable(code)}: ${printable(detail)}`)
  const more = failures.length - told.length
  return yield* new CliFailure({
    message: [...told, ...(more > 0 ? [`and ${more} more groups`] : [])].join("; "),
    exitCode: failures.some(({ outcome }) => outcome === "unknown") ? exitCodes.unknown : exitCodes.failed,
  })
})

const toldMax = 5
