// What does a client take, and what does it give? The same shapes as in a batch over HTTP, and as in `leading`.

import type {
  CommandInput,
  CommandName,
  CommandResult,
  QueryInput,
  QueryName,
  QueryResult,
  StateOf,
} from "../machine/actorTypes.ts"
import type { Actor, Json } from "../machine/definition.ts"
import type { Answer, Executed, InstanceList } from "../machine/leading/context.ts"
import type { Failure } from "./Failure.ts"

export type { Json } from "../machine/definition.ts"
export type { Answer, Executed, InstanceList } from "../machine/leading/context.ts"

/** The types of a cluster's actors, by name: `{ counter: typeof counter }`. */
export type Actors = { readonly [Name in string]: Actor }

type NameOf<All extends Actors> = keyof All & string

export interface ClientOptions {
  /** How long a call is tried over all nodes; 10,000 when not given. */
  readonly timeoutMillis?: number
  /** Sent as a bearer token; a function is asked each time. */
  readonly token?: string | (() => string | Promise<string>)
  /**
   * Whether members that the given nodes name are asked as well, so that the client follows the cluster wherever it goes;
   * true when not given. False where their addresses mean nothing here: behind a proxy, or out of a container.
   */
  readonly discover?: boolean
  /** In place of the global one: in tests, or straight into the app of the own process. */
  readonly fetch?: (request: Request) => Response | Promise<Response>
}

export interface CallOptions {
  /** How long it is tried over all nodes. */
  readonly timeoutMillis?: number
  /** Given, the call is given up, and throws its reason. A command may be executed all the same. */
  readonly signal?: AbortSignal
}

/** Input that takes null may be left out. */
type WithInput<Input> = null extends Input ? { readonly input?: Input } : { readonly input: Input }

export interface Once {
  /** 1 to 128 printable characters: what has the same is executed once per instance. A new one when not given. */
  readonly idempotencyKey?: string
  /** Executed only when the instance is at this revision; `revision-mismatch` otherwise. */
  readonly ifRevision?: number
}

/** One command for one instance. */
export type Proposal<All extends Actors, Name extends NameOf<All>, Command extends CommandName<All[Name]>> = {
  readonly actor: Name
  readonly key: string
  readonly command: Command
} & WithInput<CommandInput<All[Name], Command>> &
  Once

/** Any command of any of the actors. */
export type AnyProposal<All extends Actors = Actors> = {
  readonly [Name in NameOf<All>]: {
    readonly [Command in CommandName<All[Name]>]: Proposal<All, Name, Command>
  }[CommandName<All[Name]>]
}[NameOf<All>]

/** What became of a proposal of many: {@link Executed}, or a {@link Failure} as a value. */
export type OutcomeOf<All extends Actors, Given> = Given extends {
  readonly actor: infer Name extends NameOf<All>
  readonly command: infer Command extends string
}
  ? Executed<Command extends CommandName<All[Name]> ? CommandResult<All[Name], Command> : Json> | Failure
  : never

export interface Freshness {
  /**
   * `linearizable` when not given: everything that was acknowledged before is seen. `lease`: the same, cheaper, while clocks
   * drift no more than configured. `local`: what the node that is asked has applied.
   */
  readonly consistency?: "linearizable" | "lease" | "local"
  /** Not before the node has applied this index: that of an own write. */
  readonly minIndex?: number
  /** How old a `local` answer may be. */
  readonly maxStalenessMs?: number
}

export type Query<All extends Actors, Name extends NameOf<All>, Asked extends QueryName<All[Name]>> = {
  readonly actor: Name
  readonly key: string
  readonly query: Asked
} & WithInput<QueryInput<All[Name], Asked>> &
  Freshness &
  CallOptions

export interface StateQuestion<Name> extends Freshness, CallOptions {
  readonly actor: Name
  readonly key: string
}

export interface StateAnswer<State> {
  readonly state: State
  readonly revision: number
  readonly index: number
}

export interface InstancesQuestion<Name> extends Freshness, CallOptions {
  readonly actor: Name
  /** Of the keys. */
  readonly prefix?: string
  /** Keys behind this one: `next` of the answer before. */
  readonly after?: string
}

export interface ListQuestion<Name> extends InstancesQuestion<Name> {
  /** 100 when not given, 1,000 at the most. */
  readonly limit?: number
}

export interface WatchQuestion<Name> {
  readonly actor: Name
  readonly key: string
  /** The `id` of an event, or the `index` of a read: everything behind it. From now on when not given. */
  readonly after?: string | number
  /** How long no node need be there before it is given up; 60,000 when not given. */
  readonly timeoutMillis?: number
  readonly signal?: AbortSignal
}

/** What a command has emitted, or the whole state in place of events that nobody keeps any more. */
export type WatchEvent<State = Json> = EmittedEvent | ResetEvent<State>

export interface EmittedEvent {
  readonly type: "event"
  /** To be given as `after`, as the text that it is. */
  readonly id: string
  /** The name that the reducer gave it. */
  readonly event: string
  readonly data: Json
}

export interface ResetEvent<State> extends StateAnswer<State> {
  readonly type: "reset"
  readonly id: string
}

/** One cluster, as its users see it. Any number of calls may be under way at once. */
export interface Client<All extends Actors = Actors> {
  /**
   * Has a command executed, once, and gives its result when a majority of the nodes has it on disk. All attempts have one
   * idempotency key. Throws a {@link Failure}: `rejected` when it did not and will not happen, `unknown` when nobody can tell.
   */
  readonly propose: <Name extends NameOf<All>, Command extends CommandName<All[Name]>>(
    proposal: Proposal<All, Name, Command> & CallOptions,
  ) => Promise<Executed<CommandResult<All[Name], Command>>>
  /**
   * Any number of them, a thousand in each request, one request after the other: the order is kept per instance, except
   * where an outcome is `unknown`. Not a transaction: each has its own outcome, and a {@link Failure} is a value here.
   * `timeoutMillis` is that of each request.
   */
  readonly proposeMany: <const Given extends ReadonlyArray<AnyProposal<All>>>(
    proposals: Given,
    options?: CallOptions,
  ) => Promise<{ readonly [At in keyof Given]: OutcomeOf<All, Given[At]> }>
  /** Asks a query. Throws a {@link Failure}. */
  readonly read: <Name extends NameOf<All>, Asked extends QueryName<All[Name]>>(
    question: Query<All, Name, Asked>,
  ) => Promise<Answer<QueryResult<All[Name], Asked>>>
  /** The whole state, which an instance that was never written has as well. Throws a {@link Failure}. */
  readonly state: <Name extends NameOf<All>>(
    question: StateQuestion<Name>,
  ) => Promise<StateAnswer<StateOf<All[Name]>>>
  /** A page of the instances that were ever written, by key. Throws a {@link Failure}. */
  readonly list: <Name extends NameOf<All>>(question: ListQuestion<Name>) => Promise<InstanceList>
  /** All of them, page by page as they are taken. Throws a {@link Failure}. */
  readonly instances: <Name extends NameOf<All>>(
    question: InstancesQuestion<Name>,
  ) => AsyncGenerator<InstanceList["instances"][number], void>
  /**
   * What the commands of an instance emit, each once, in order, over whichever nodes live. It has no end, other than by
   * `break` or the signal. Throws a {@link Failure} when it is refused, or when no node has been there for too long.
   */
  readonly watch: <Name extends NameOf<All>>(
    question: WatchQuestion<Name>,
  ) => AsyncGenerator<WatchEvent<StateOf<All[Name]>>, void>
  /**
   * Asks what the routes of an actor answer, at `/x/NAME/…` of whichever node is there. A node that is silent, or whose
   * problem is retryable, is one attempt: all of them have the same `Idempotency-Key` header, which the routes have to
   * heed where a second execution would do harm. Every other answer is given as it is, whatever its status. Throws a
   * {@link Failure} when there is none in time.
   */
  readonly request: (path: string, request?: RoutesRequest) => Promise<Response>
  /** Gives up all that is under way. Nothing can be asked any more. */
  readonly close: () => void
}

/** As `fetch` takes it, with a body that can be sent again. */
export interface RoutesRequest extends CallOptions {
  /** GET when not given. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer>
  /** 1 to 128 printable ASCII characters; drawn when not given. */
  readonly idempotencyKey?: string
}
