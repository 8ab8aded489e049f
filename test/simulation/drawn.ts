// Which small histories could one machine have made, and which not? Drawn as picture.ts says.

export interface Drawn {
  readonly what: string
  readonly actor: "register" | "counter" | "list"
  readonly drawing: string
}

const drawn =
  (actor: Drawn["actor"]) =>
  (what: string, drawing: string): Drawn => ({ what, actor, drawing })

const register = drawn("register")
const counter = drawn("counter")
const list = drawn("list")

export const possible: ReadonlyArray<Drawn> = [
  register("nobody ever wrote", "a [get → 0 @0]"),
  register("one after the other", "a [set 1 → 0 @1] [get → 1 @1] [set 2 → 1 @2] [get → 2 @2]"),
  register(
    "a read beside a write sees what was before",
    `a [set 1 → 0 @1]
     b   [get → 0 @0]`,
  ),
  register(
    "a read beside a write sees what comes",
    `a   [set 1 → 0 @1]
     b [get → 1 @1]`,
  ),
  register(
    "reads beside a write see it before and after, in the order of time",
    `a [set 1 → 0 @1                   ]
     b  [get → 0 @0]   [get → 1 @1]`,
  ),
  register(
    "reads beside each other see it in any order",
    `a [set 1 → 0 @1                   ]
     b   [get → 1 @1]
     c     [get → 0 @0]`,
  ),
  register(
    "writes beside each other take effect in any order",
    `a [set 1 → 2 @2]
     b    [set 2 → 0 @1]`,
  ),
  register(
    "a slow read sees any of the states it has lived through",
    `a [set 1 → 0 @1] [set 2 → 1 @2] [set 3 → 2 @3]
     b             [get → 2 @2               ]`,
  ),
  register(
    "what starts in the millisecond in which another ends is beside it",
    `a [set 1 → 0 @1]
     b              [get → 0 @0]`,
  ),
  register(
    "in one and the same millisecond anything goes",
    `a              [get → 1 @1]
     b                         [set 1 → 0 @1]`,
  ),
  register("the same value is written twice", "a [set 1 → 0 @1] [set 1 → 1 @2] [get → 1 @2]"),
  register(
    "of two that compare and set one succeeds",
    `a [set 1 if 0 → 0 @1]
     b   [set 2 if 0 !mismatch]`,
  ),
  register(
    "the revision becomes right only when the refusal has been said",
    `a  [set 1 → 0 @1]
     b [set 2 if 1 !mismatch]`,
  ),
  register(
    "one that compared and set is refused, for it has been overtaken",
    `a [set 1 → 0 @1]      [set 2 → 1 @2]
     b                   [set 3 if 1 !mismatch]`,
  ),
  register(
    "an unknown write takes effect late",
    `a [set 1 ?
     b            [get → 0 @0] [get → 1 @1]`,
  ),
  register(
    "an unknown write never happens",
    `a [set 1 ?
     b            [get → 0 @0] [set 2 → 0 @1] [get → 2 @1]`,
  ),
  register(
    "an unknown write has happened, for a read saw it",
    `a [set 1 ?
     b            [get → 1 @1]`,
  ),
  register(
    "an unknown write is known by what replaced it",
    `a [set 1 ?
     b            [set 2 → 1 @2]`,
  ),
  register(
    "an unknown write is known by its revision alone",
    `a [set 1 ?
     b [set 2 ?
     c            [set 3 → 1 @3]`,
  ),
  register(
    "an unknown write is not to be spent where another would do: it is seen later",
    `a [set 1 ?
     b   [set 2 ?
     c     [set 3 ?
     d            [set 9 → 1 @3]   [set 8 → 3 @5]`,
  ),
  register(
    "an unknown write that started later may come first",
    `a [set 1 ?
     b         [set 2 ?
     c                  [get → 2 @1]  [get → 1 @2]`,
  ),
  register(
    "an unknown one that compares and sets finds another revision",
    `a [set 1 if 0 ?
     b            [set 2 → 0 @1] [get → 2 @1]`,
  ),
  register(
    "an unknown one that compares and sets waits for its revision",
    `a [set 1 if 1 ?
     b            [set 2 → 0 @1] [get → 1 @2]`,
  ),
  register(
    "an unknown read says nothing",
    `a [get ?
     b         [set 1 → 0 @1]`,
  ),
  register("what was rejected did not happen", "a [set 1 ✗] [get → 0 @0] [set 2 → 0 @1]"),
  counter("it adds up", "a [add 5 → 5 @1] [add -7 → -2 @2] [add 0 → -2 @3] [get → -2 @3]"),
  counter("one adds too much and is refused", "a [add 101 !too-big] [add 100 → 100 @1]"),
  counter("too much at the wrong revision is a mismatch", "a [add 101 if 3 !mismatch]"),
  counter(
    "two additions beside each other",
    `a [add 1 → 3 @2]
     b   [add 2 → 2 @1]`,
  ),
  counter(
    "two unknown additions that look alike both happen",
    `a [add 5 ?
     b [add 5 ?
     c         [get → 5 @1] [get → 10 @2]`,
  ),
  counter(
    "of two that look alike the second has not started when the first is seen",
    `a [add 5 ?
     b                         [add 5 ?
     c         [get → 5 @1]               [get → 10 @2]`,
  ),
  counter(
    "an unknown addition of too much changes nothing",
    `a [add 101 ?
     b            [get → 0 @0] [add 1 → 1 @1]`,
  ),
  list("nobody ever appended", "a [get →  @0]"),
  list("items stand in their order", "a [append x → 1 @1] [append y → 2 @2] [get → x,y @2]"),
  list(
    "appends beside each other take effect in any order",
    `a [append x → 2 @2]
     b [append y → 1 @1]
     c                    [get → y,x @2]`,
  ),
  list(
    "the same item may be appended by two",
    `a [append x → 1 @1]
     b   [append x ?
     c                    [get → x,x @2]`,
  ),
  list(
    "a read shows in which order unknown appends took effect",
    `a [append x ?
     b [append y ?
     c [append z ?
     d               [append w → 3 @3] [get → z,x,w @3] [get → z,x,w,y @4]`,
  ),
]

export const impossible: ReadonlyArray<Drawn> = [
  register("a read is stale", "a [set 1 → 0 @1] [*get → 0 @0]"),
  register(
    "a read is stale by one millisecond",
    `a [set 1 → 0 @1]
     b               [*get → 0 @0]`,
  ),
  register(
    "a read sees the future by one millisecond",
    `a [*get → 1 @1]
     b              [set 1 → 0 @1]`,
  ),
  register("a read sees what never was", "a [set 1 → 0 @1] [*get → 7 @1]"),
  register("a read sees a value before anybody wrote", "a [*get → 1 @0] [set 1 → 0 @1]"),
  register("a read tells the revision of another state", "a [set 1 → 0 @1] [set 2 → 1 @2] [*get → 1 @2]"),
  register("a read tells a revision that never was", "a [set 1 → 0 @1] [*get → 1 @2]"),
  register(
    "reads of one client go back in time, beside a write",
    `a [set 1 → 0 @1                          ]
     b  [get → 1 @1]  [*get → 0 @0]`,
  ),
  register(
    "reads of two clients go back in time, beside a write",
    `a [set 1 → 0 @1                          ]
     b  [get → 1 @1]
     c                [*get → 0 @0]`,
  ),
  register(
    "two writes got one revision",
    `a [set 1 → 0 @1]
     b   [*set 2 → 0 @1]`,
  ),
  register(
    "an acknowledged write is forgotten by the next leader",
    "a [set 1 → 0 @1] [get → 1 @1] [*set 2 → 0 @1]",
  ),
  register("a write replaces what was not there", "a [*set 1 → 5 @1]"),
  register("a revision is left out", "a [set 1 → 0 @1] [*set 2 → 1 @3]"),
  register(
    "a later write takes effect before an earlier one",
    `a [*set 1 → 2 @2]
     b                  [set 2 → 0 @1]`,
  ),
  register(
    "both that compare and set succeed",
    `a [set 1 if 0 → 0 @1]
     b   [*set 2 if 0 → 1 @2]`,
  ),
  register(
    "one that compares and sets succeeds at another revision",
    "a [set 1 → 0 @1] [*set 2 if 0 → 1 @2]",
  ),
  register("a refusal though the revision was right", "a [*set 1 if 0 !mismatch]"),
  register(
    "a refusal though the revision was right all the time",
    `a [set 1 → 0 @1]                          [set 2 → 1 @2]
     b                  [*set 3 if 1 !mismatch]`,
  ),
  register("a mismatch though nothing was compared", "a [*set 1 !mismatch]"),
  register("a refusal that the actor does not know", "a [*set 1 !reducer-threw]"),
  register("what was rejected is read", "a [set 1 ✗] [*get → 1 @1]"),
  register("what was rejected is replaced", "a [set 1 ✗] [*set 2 → 1 @2]"),
  register(
    "an unknown write is seen before it started",
    `a                 [set 1 ?
     b [*get → 1 @1]`,
  ),
  register(
    "an unknown write takes effect twice",
    `a [set 1 ?
     b           [set 2 → 1 @2] [*set 3 → 1 @4]`,
  ),
  register(
    "an unknown write that was seen is undone",
    `a [set 1 ?
     b           [get → 1 @1] [*get → 0 @0]`,
  ),
  register(
    "an unknown one that compares and sets takes effect at another revision",
    `a [set 1 if 3 ?
     b                [*get → 1 @1]`,
  ),
  register(
    "three revisions, and two unknown writes to make them",
    `a [set 1 ?
     b [set 2 ?
     c           [*set 3 → 1 @4]`,
  ),
  counter("an update is lost", "a [add 1 → 1 @1] [*add 1 → 1 @1]"),
  counter("an update is lost, though it got a revision", "a [add 1 → 1 @1] [*add 1 → 1 @2]"),
  counter("a command is executed twice", "a [add 1 → 1 @1] [*get → 2 @2]"),
  counter("a command is executed twice within one revision", "a [add 1 → 1 @1] [*get → 2 @1]"),
  counter("a command is half done: its revision without its value", "a [add 1 → 1 @1] [*get → 0 @1]"),
  counter(
    "an unknown addition takes effect twice",
    `a [add 5 ?
     b           [get → 5 @1] [*get → 10 @2]`,
  ),
  counter(
    "two unknown additions that look alike take effect three times",
    `a [add 5 ?
     b [add 5 ?
     c           [*get → 15 @3]`,
  ),
  counter(
    "of two that look alike the second is seen before it started",
    `a [add 5 ?
     b                             [add 5 ?
     c           [*get → 10 @2]`,
  ),
  counter("what is too much is accepted", "a [*add 101 → 101 @1]"),
  counter("what is not too much is refused", "a [*add 100 !too-big]"),
  counter("too much at the wrong revision is refused as too much", "a [*add 101 if 3 !too-big]"),
  counter(
    "an unknown addition of too much takes effect",
    `a [add 101 ?
     b             [*get → 101 @1]`,
  ),
  counter("what was rejected shows in the total", "a [add 1 ✗] [*add 2 → 3 @2]"),
  list("appends are turned round", "a [append x → 1 @1] [append y → 2 @2] [*get → y,x @2]"),
  list(
    "appends are turned round, though their answers were right",
    `a [*append x → 2 @2]
     b                     [append y → 1 @1]`,
  ),
  list("an item is there twice", "a [append x → 1 @1] [*get → x,x @2]"),
  list("an item is missing", "a [append x → 1 @1] [append y → 2 @2] [*get → y @2]"),
  list("an acknowledged item is missing", "a [append x → 1 @1] [*get →  @0]"),
  list("an item that nobody appended", "a [append x → 1 @1] [*get → x,q @2]"),
  list(
    "two reads disagree about the order",
    `a [append x ?
     b [append y ?
     c                [get → x,y @2]
     d                [*get → y,x @2]`,
  ),
  list(
    "an unknown append takes effect twice",
    `a [append x ?
     b                [get → x @1] [append y → 2 @2] [*get → x,y,x @3]`,
  ),
]
