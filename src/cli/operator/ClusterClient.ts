// How is a cluster asked for something, when any of its nodes may be down and any of them will do?

import { Clock, Effect, Result, Schema } from "effect"
import { CliFailure, exitCodes, failed, unknown, unreachable } from "../CliFailure.ts"
import { printable } from "../tables.ts"
import {
  type Answer,
  askNode,
  type NodeRequest,
  openNode,
  type Problem,
  type Unanswered,
} from "./nodeRequest.ts"

export interface ClientOptions {
  /** At least one, without paths. */
  readonly urls: ReadonlyArray<string>
  readonly token: string | null
  readonly group: string | null
  /** How long one question is tried over all nodes. */
  readonly timeoutMillis: number
  /** Whoever asks is a program: it gets the cluster's own words also when they say no. */
  readonly json: boolean
}

/** Where a cluster on this machine begins. */
export const urlDefault = "http://127.0.0.1:4001"

export type Question = Omit<NodeRequest, "token">

/** The nodes of one cluster, as seen by an operator. */
export class ClusterClient {
  readonly options: ClientOptions
  /** The node that answered last is asked first. */
  #preferred = 0

  constructor(options: ClientOptions) {
    this.options = options
  }

  /** The path with the group that was asked for. */
  path(path: string, parameters: Readonly<Record<string, string | number>> = {}): string {
    const { group } = this.options
    const query = new URLSearchParams(group === null ? {} : { group })
    for (const [name, value] of Object.entries(parameters)) query.set(name, String(value))
    return query.size === 0 ? path : `${path}?${query}`
  }

  /** Words as a person would say them to the same cluster. */
  command(words: string): string {
    const { urls, group } = this.options
    const url = urls.join(",") === urlDefault ? "" : ` --url ${urls.join(",")}`
    return `raftlet ${words}${url}${group === null ? "" : ` --group ${group}`}`
  }

  /** One node, once. */
  askAt(url: string, question: Question, millis: number): Effect.Effect<Answer, Unanswered> {
    return askNode(url, { ...question, token: this.options.token }, millis)
  }

  /** What can be asked again until somebody answers, because it changes nothing. Each node has so long for it. */
  look(path: string, nodeMillisMax = lookMillisMax): Effect.Effect<Answer, CliFailure> {
    return this.#try("may be repeated", (url, millis) =>
      this.askAt(url, { method: "GET", path }, Math.min(millis, nodeMillisMax)),
    )
  }

  /** What may be sent again until somebody answers: it changes nothing, or a second time nothing more. */
  consult(question: Question): Effect.Effect<Answer, CliFailure> {
    return this.#try("may be repeated", (url, millis) => this.askAt(url, question, millis))
  }

  /**
   * What changes something: once it may have happened it is not sent again, and the failure says so with an exit
   * code of its own. `shownBy`: the verb that shows whether it has. `tell` gets why it has to be tried again.
   */
  change(
    question: Question,
    shownBy = "status",
    tell: (why: string) => void = () => {},
  ): Effect.Effect<Answer, CliFailure> {
    const askAt = this.askAt.bind(this)
    return this.#try(
      { shownBy },
      Effect.fnUntraced(function* (url, millis) {
        // A machine that is off swallows a request as one does that is slow. So it is first seen to be there.
        yield* askAt(url, { method: "GET", path: "/healthz" }, Math.min(millis, probeMillis)).pipe(
          Effect.catchTag("Told", () => Effect.void),
          Effect.mapError((silent): Unanswered => ({ ...silent, sent: false })),
        )
        return yield* askAt(url, question, millis)
      }),
      tell,
    )
  }

  /** An answer that is read by whoever asked, and may be long; each node has so long to begin with it. */
  open(path: string, nodeMillisMax = Number.POSITIVE_INFINITY): Effect.Effect<Response, CliFailure> {
    const { token } = this.options
    return this.#try("may be repeated", (url, millis) =>
      openNode(url, { method: "GET", path, token }, Math.min(millis, nodeMillisMax)),
    )
  }

  /**
   * One node after the other, until one has answered, or has said what no other would say otherwise, or time is up.
   * What may not be repeated is not sent again once it may have happened.
   */
  #try<A>(
    repeat: Repeat,
    attempt: (url: string, millis: number) => Effect.Effect<A, Unanswered>,
    tell: (why: string) => void = () => {},
  ): Effect.Effect<A, CliFailure> {
    return Effect.gen({ self: this }, function* () {
      const { urls, timeoutMillis } = this.options
      const isRepeatable = repeat === "may be repeated"
      const until = (yield* Clock.currentTimeMillis) + timeoutMillis
      const words = new Map<string, string>()
      let said: Problem | null = null
      for (let pause = pauseMillis; ; pause = Math.min(pause * 2, pauseMillisMax)) {
        for (const _ of urls) {
          const left = until - (yield* Clock.currentTimeMillis)
          if (left <= 0) return yield* this.#giveUp(words, said, repeat)
          const url = urls[this.#preferred]!
          const asked = yield* Effect.result(attempt(url, left))
          if (Result.isSuccess(asked)) return asked.success
          const { failure } = asked
          this.#preferred = (this.#preferred + 1) % urls.length
          if (failure._tag === "Silent") {
            const { reason, sent } = failure
            if (sent && !isRepeatable) return yield* unknown(`${url}: ${reason}; ${lookFirst(repeat)}`)
            words.set(url, reason)
            continue
          }
          const { problem } = failure
          const isSafe = isRepeatable || problem.outcome === "rejected" || problem.code === goesOn
          if (!problem.retryable || !isSafe) return yield* this.#refusal(problem, repeat)
          // One of several in a line.
          words.set(url, problem.detail.replace(/\.$/, ""))
          said = problem
        }
        tell(`trying again: ${[...words.values()].at(-1)}`)
        yield* Effect.sleep(Math.max(0, Math.min(pause, until - (yield* Clock.currentTimeMillis))))
      }
    })
  }

  #giveUp(words: ReadonlyMap<string, string>, said: Problem | null, repeat: Repeat): CliFailure {
    // Somebody was there all the time, and kept saying no.
    if (said !== null && isSaidNo(said) && !nobodyCodes.has(said.code)) {
      return this.#refusal(said, repeat)
    }
    const reasons = [...words].map(([url, reason]) => `${url}: ${reason}`)
    return unreachable(reasons.join("; ") || "there was no time to ask anybody")
  }

  #refusal({ code, detail, outcome, document }: Problem, repeat: Repeat): CliFailure {
    const isUnknown = outcome === "unknown" && code !== goesOn
    return new CliFailure({
      message: `${code}: ${detail}${isUnknown ? `; ${lookFirst(repeat)}` : ""}`,
      exitCode: isUnknown ? exitCodes.unknown : exitCodes.failed,
      ...(this.options.json ? { document } : {}),
    })
  }
}

/** The value of an answer, as far as this side needs it. */
export const decodeAnswer = <A>(schema: Schema.Decoder<A>, answer: Answer): Effect.Effect<A, CliFailure> =>
  Effect.mapError(Schema.decodeUnknownEffect(schema)(answer.body), (error) =>
    failed(`the answer is not what this version expects: ${printable(error.message)}`),
  )

/** What has come half-way is gone on with by the same words, and says so. */
const goesOn = "partly-switched"

const isSaidNo = ({ outcome, code }: Problem): boolean => outcome === "rejected" || code === goesOn

/** Not a no of the cluster: there was just nobody who could say yes. */
const nobodyCodes = new Set(["no-leader", "not-leader", "shutting-down", "not-ready", "unhealthy"])

type Repeat = "may be repeated" | { readonly shownBy: string }

const lookFirst = (repeat: Repeat): string =>
  repeat === "may be repeated"
    ? "it may have happened, and may be tried again"
    : `it may have happened: see \`raftlet ${repeat.shownBy}\` before you try again`
const probeMillis = 2000
const lookMillisMax = 3000
const pauseMillis = 100
const pauseMillisMax = 1000
