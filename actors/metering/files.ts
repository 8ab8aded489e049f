// Where does a file go? What a place for files promises, and the name of each.

import { type Effect, Schema } from "effect"

/** The place could not take a file, or has another one of its name. */
export class FileFailed extends Schema.TaggedError<FileFailed>()("FileFailed", {
  path: Schema.String,
  message: Schema.String,
}) {}

/** What a file holds, by where it goes. */
export type Texts = Readonly<Record<string, string>>

export interface Files {
  /**
   * The files are there, whole, and survive a loss of power, when it succeeds. One that was there already has the same bytes,
   * or it fails and leaves that one as it is. Nobody ever sees half of one.
   */
  readonly put: (texts: Texts) => Effect.Effect<void, FileFailed>
}

/** Opens the place for one leadership of one group. */
export type OpenFiles = (leadership: {
  readonly node: string
  readonly group: string
  readonly term: number
}) => Effect.Effect<Files, FileFailed>

/** As `hour/2017-05-16T00Z/acme.jsonl`: a folder for each window, and in it a file for each tenant. */
export const pathOf = (name: string, tenant: string, extension: "jsonl" | "csv"): string =>
  `${name}/${inName(tenant)}.${extension}`

/**
 * Small letters, digits, `-`, `_` and `.` stay; all else is `%` and two hexadecimal digits for each byte of its UTF-8, so
 * that no two names are the same where capitals and small letters are, and none leads elsewhere. What is too long for one
 * name goes on in a folder, whose name ends in `+`.
 */
export const inName = (text: string): string => {
  const escaped = Array.from(new TextEncoder().encode(text), (byte, at) => {
    const character = String.fromCharCode(byte)
    const isPlain = /[a-z0-9_-]/.test(character) || (character === "." && at > 0)
    return isPlain ? character : `%${byte.toString(16).padStart(2, "0")}`
  }).join("")
  return (escaped.match(/.{1,200}/g) ?? [""]).join("+/")
}
