// Does nobody get in who should not, everybody who should, and does no secret stay anywhere?

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { actorFile, type TestActor, testActor } from "raftlet/testing"
import definition from "../../actors/auth/index.ts"
import { hashOf, isSecret } from "../../actors/auth/secrets.ts"
import { covers, matches, meets } from "../../actors/auth/topics.ts"

// As a node loads it: what it imports of npm has to come to life in a closed realm.
const file = await actorFile<typeof definition>("actors/auth")
const secret = "rk_correct-horse-battery-staple"
const day = 86_400_000

const opened = (): TestActor<typeof definition> => {
  const subject = testActor(file)
  subject.execute("acme", "open")
  return subject
}

const withKey = (expiresAt: number | null = null) => {
  const subject = opened()
  const added = subject.execute("acme", "addKey", { label: "ci", hash: hashOf(secret), expiresAt })
  expect(added).toMatchObject({ result: "k1" })
  return subject
}

const allow = (subject: TestActor<typeof definition>, id: string, pattern: string, given: object = {}) =>
  subject.execute("acme", "setRule", {
    id,
    effect: "allow",
    actions: ["publish"],
    pattern,
    keys: null,
    ...given,
  })

describe("tenants", () => {
  test("are opened once, under a name that fits into a name of a key", () => {
    const subject = opened()
    expect(subject.execute("acme", "open")).toMatchObject({ code: "already-open" })
    for (const name of ["a.b", " ", "ä", "x".repeat(65)])
      expect(subject.execute(name, "open")).toMatchObject({ code: "bad-tenant" })
  })

  test("that nobody has opened have no keys and no rules", () => {
    const subject = testActor(file)
    for (const refused of [
      subject.execute("acme", "addKey", { label: "", hash: hashOf(secret), expiresAt: null }),
      subject.execute("acme", "revokeKey", { id: "k1" }),
      subject.execute("acme", "suspend"),
      allow(subject, "all", "#"),
      subject.execute("acme", "removeRule", { id: "all" }),
    ])
      expect(refused).toMatchObject({ code: "no-such-tenant" })
    expect(subject.query("acme", "authenticate", { key: "k1", secret })).toMatchObject({ isGranted: false })
  })

  test("that are suspended get nothing, until they are resumed", () => {
    const subject = withKey()
    allow(subject, "all", "#")
    const asked = { key: "k1", secret, action: "publish", topic: "a" } as const
    subject.execute("acme", "suspend")
    expect(subject.query("acme", "check", asked)).toMatchObject({ isGranted: false, reason: "suspended" })
    expect(subject.query("acme", "authorize", { key: "k1", action: "publish", topic: "a" })).toMatchObject({
      isGranted: false,
    })
    subject.execute("acme", "resume")
    expect(subject.query("acme", "check", asked)).toMatchObject({ isGranted: true, rule: "all" })
  })
})

describe("access keys", () => {
  test("are recognised by their secret alone, and a wrong one learns no more than a name that there never was", () => {
    const subject = withKey()
    const ask = (key: string, shown: string) => subject.query("acme", "authenticate", { key, secret: shown })
    expect(ask("k1", secret)).toEqual({ isGranted: true, reason: "granted", rule: null })
    const wrong = ask("k1", `${secret}.`)
    expect(wrong).toEqual({ isGranted: false, reason: "not-authentic", rule: null })
    expect(ask("k2", secret)).toEqual(wrong)
    expect(ask("k1", "")).toEqual(wrong)
    // Nor whether the key is good: that is for who has its secret.
    subject.execute("acme", "revokeKey", { id: "k1" })
    expect(ask("k1", "guess")).toEqual(wrong)
    expect(ask("k1", secret)).toMatchObject({ reason: "revoked" })
  })

  test("are several, so that one can take the place of another without a pause", () => {
    const subject = withKey()
    const next = "rk_next"
    expect(
      subject.execute("acme", "addKey", { label: "next", hash: hashOf(next), expiresAt: null }),
    ).toMatchObject({ result: "k2" })
    const ask = (key: string, shown: string) =>
      subject.query("acme", "authenticate", { key, secret: shown }).isGranted
    expect([ask("k1", secret), ask("k2", next), ask("k1", next), ask("k2", secret)]).toEqual([
      true,
      true,
      false,
      false,
    ])
    subject.execute("acme", "revokeKey", { id: "k1" })
    expect([ask("k1", secret), ask("k2", next)]).toEqual([false, true])
    expect(subject.execute("acme", "revokeKey", { id: "k1" })).toMatchObject({ code: "already-revoked" })
    expect(subject.execute("acme", "revokeKey", { id: "k9" })).toMatchObject({ code: "no-such-key" })
  })

  test("expire by an entry of the log, also while nobody asks for anything", () => {
    const subject = opened()
    const expiresAt = subject.now + day
    subject.execute("acme", "addKey", { label: "", hash: hashOf(secret), expiresAt })
    const ask = () => subject.query("acme", "authenticate", { key: "k1", secret })
    subject.advance(day - 1)
    expect(ask()).toMatchObject({ isGranted: true })
    // Whoever sends it before its time does nothing by it.
    subject.execute("acme", "expire", { id: "k1" })
    expect(ask()).toMatchObject({ isGranted: true })
    subject.advance(1)
    expect(ask()).toMatchObject({ isGranted: false, reason: "expired" })
    expect(subject.state("acme").keys).toMatchObject([{ id: "k1", state: "expired" }])
    expect(
      subject.execute("acme", "addKey", { label: "", hash: hashOf("other"), expiresAt: subject.now }),
    ).toMatchObject({ code: "expired-already" })
  })

  test("expire one after the other by one timer, in whatever order they were made", () => {
    const subject = opened()
    const days = [30, 10, 20, 10]
    for (const [at, left] of days.entries()) {
      const expiresAt = subject.now + left * day
      const hash = hashOf(`secret ${at}`)
      expect(subject.execute("acme", "addKey", { label: "", hash, expiresAt })).toMatchObject({
        outcome: "executed",
      })
    }
    const states = () =>
      subject
        .state("acme")
        .keys.map(({ state }) => state[0])
        .join("")
    // The second was earlier than the first; the others had one before them.
    expect(subject.state("acme").alarms).toHaveLength(2)
    const seen = [9, 1, 9, 1, 9, 1].map((left) => {
      subject.advance(left * day)
      return states()
    })
    expect(seen).toEqual(["aaaa", "aeae", "aeae", "aeee", "aeee", "eeee"])
    expect(subject.state("acme").alarms).toEqual([])
    expect(subject.query("acme", "audit").filter(({ change }) => change.endsWith("expired"))).toHaveLength(4)
  })

  test("that are made and taken back leave no timers behind", () => {
    const subject = opened()
    const expiresAt = subject.now + 365 * day
    for (let at = 1; at <= 60; at++) {
      const hash = hashOf(`secret ${at}`)
      subject.execute("acme", "addKey", { label: "", hash, expiresAt: expiresAt + at * day })
      subject.execute("acme", "revokeKey", { id: `k${at}` })
    }
    expect(subject.state("acme").alarms).toHaveLength(1)
    // Each earlier than all before: the worst that there is.
    const hurry = (at: number) =>
      subject.execute("acme", "addKey", { label: "", hash: hashOf(`hurry ${at}`), expiresAt: expiresAt - at })
    for (let at = 1; at <= 99; at++) {
      expect(hurry(at)).toMatchObject({ result: `k${60 + at}` })
      subject.execute("acme", "revokeKey", { id: `k${60 + at}` })
    }
    expect(hurry(100)).toMatchObject({ code: "too-many-times" })
    expect(
      subject.execute("acme", "addKey", { label: "", hash: hashOf("calm"), expiresAt: expiresAt + day }),
    ).toMatchObject({ outcome: "executed" })
  }, 60_000)

  test("whose time is over as the next one is made wait for their timer, and keep nobody", () => {
    const subject = opened()
    const add = (at: number, expiresAt: number) =>
      definition.commands.addKey!.reduce(
        subject.state("acme") as never,
        { label: "", hash: hashOf(`${at}`), expiresAt } as never,
        {
          key: "acme",
          now: subject.now + 5_000,
          emit: () => {},
          reject: (code: string) => {
            throw new Error(code)
          },
          schedule: (after: number) => expect(after).toBeGreaterThanOrEqual(0),
        } as never,
      )
    subject.execute("acme", "addKey", { label: "", hash: hashOf("0"), expiresAt: subject.now + 1_000 })
    expect(add(1, subject.now + day)).toMatchObject({ result: "k2" })
  })

  test("are over at their time, also where the entry that says so is still to come", () => {
    const subject = opened()
    const expiresAt = subject.now + day
    subject.execute("acme", "addKey", { label: "", hash: hashOf(secret), expiresAt })
    const ask = (now: number) =>
      definition.queries.authenticate!.read(subject.state("acme") as never, { key: "k1", secret } as never, {
        key: "acme",
        revision: 2,
        now,
      })
    expect([ask(expiresAt - 1), ask(expiresAt)]).toMatchObject([{ isGranted: true }, { reason: "expired" }])
  })

  test("are bounded: those that are over make room", () => {
    const subject = opened()
    const add = (at: number) =>
      subject.execute("acme", "addKey", { label: "", hash: hashOf(`secret ${at}`), expiresAt: null })
    for (let at = 1; at <= 20; at++) expect(add(at)).toMatchObject({ result: `k${at}` })
    expect(add(21)).toMatchObject({ code: "too-many-keys" })
    expect(
      subject.execute("acme", "addKey", { label: "", hash: hashOf("secret 1"), expiresAt: null }),
    ).toMatchObject({ code: "too-many-keys" })
    for (let at = 21; at <= 130; at++) {
      subject.execute("acme", "revokeKey", { id: `k${at - 20}` })
      expect(add(at)).toMatchObject({ result: `k${at}` })
    }
    const { keys, audit } = subject.state("acme")
    expect(keys).toHaveLength(100)
    expect(keys.filter(({ state }) => state === "active").map(({ id }) => id)).toEqual(
      Array.from({ length: 20 }, (_, at) => `k${at + 111}`),
    )
    expect(audit).toHaveLength(200)
  })

  test("never share a secret", () => {
    const subject = withKey()
    expect(
      subject.execute("acme", "addKey", { label: "again", hash: hashOf(secret), expiresAt: null }),
    ).toMatchObject({ code: "secret-used-before" })
  })
})

test("a tenant of version 1 comes along", () => {
  const { alarms: _, ...before } = withKey().state("acme")
  const { migrate } = definition as unknown as { readonly migrate: Record<number, (state: object) => object> }
  expect(migrate[2]!(before)).toEqual({ ...before, alarms: [] })
})

describe("secrets", () => {
  test("are hashed as everybody hashes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const hash = new Bun.CryptoHasher("sha256").update(text.toWellFormed()).digest("hex")
        expect(hashOf(text.toWellFormed())).toBe(hash)
        expect(isSecret(text.toWellFormed(), hash)).toBe(true)
        expect(isSecret(`${text.toWellFormed()}x`, hash)).toBe(false)
      }),
    )
  })

  test("stand nowhere: not in what is stored, told, shown or refused", () => {
    const subject = withKey()
    const ask = { key: "k1", secret, action: "publish", topic: "a" } as const
    const shown = [
      subject.query("acme", "check", ask),
      subject.state("acme"),
      subject.events("acme"),
      subject.query("acme", "keys"),
      subject.query("acme", "audit"),
      subject.execute("acme", "addKey", { label: "", hash: secret, expiresAt: null }),
      messageOf(() => subject.query("acme", "check", { ...ask, action: "read" as never })),
      messageOf(() => subject.query("acme", "authenticate", { key: "k1", secret: secret.repeat(20) })),
      messageOf(() => subject.query("acme", "authenticate", { key: "k1", secret: [secret] as never })),
    ]
    expect(shown[6]).toContain("invalid")
    for (const each of shown) expect(JSON.stringify(each)).not.toContain(secret)
    // The hash stands in the state, and nowhere else.
    for (const each of shown.slice(2)) expect(JSON.stringify(each)).not.toContain(hashOf(secret))
  })
})

describe("rules", () => {
  const subject = withKey()
  const may = (topic: string, action: "publish" | "subscribe" | "admin" = "publish", key = "k1") =>
    subject.query("acme", "authorize", { key, action, topic })

  test("allow what they name, and nothing else is allowed", () => {
    expect(may("orders.eu")).toEqual({ isGranted: false, reason: "no-rule", rule: null })
    allow(subject, "orders", "orders.*")
    expect(may("orders.eu")).toEqual({ isGranted: true, reason: "granted", rule: "orders" })
    expect(may("orders.eu.new")).toMatchObject({ reason: "no-rule" })
    expect(may("orders.eu", "subscribe")).toMatchObject({ reason: "no-rule" })
    expect(may("orders.eu", "publish", "k2")).toMatchObject({ reason: "not-authentic" })
  })

  test("deny before they allow, whichever came first", () => {
    allow(subject, "a-deny", "orders.secret", { effect: "deny" })
    allow(subject, "everything", "#", { actions: ["publish", "subscribe", "admin"] })
    expect(may("orders.secret")).toEqual({ isGranted: false, reason: "denied-by-rule", rule: "a-deny" })
    expect(may("orders.secret", "subscribe")).toMatchObject({ isGranted: true, rule: "everything" })
    expect(subject.execute("acme", "removeRule", { id: "a-deny" })).toMatchObject({ result: null })
    expect(may("orders.secret")).toMatchObject({ isGranted: true })
    expect(subject.execute("acme", "removeRule", { id: "a-deny" })).toMatchObject({ code: "no-such-rule" })
    expect(subject.execute("acme", "removeRule", { id: "constructor" })).toMatchObject({
      code: "no-such-rule",
    })
  })

  test("may be for some keys alone", () => {
    subject.execute("acme", "addKey", { label: "", hash: hashOf("another"), expiresAt: null })
    allow(subject, "k2-not", "#", { effect: "deny", keys: ["k2"] })
    expect([may("a").isGranted, may("a", "publish", "k2").isGranted]).toEqual([true, false])
  })

  test("of a whole pattern allow what is theirs as a whole, and nothing of it that is denied", () => {
    const reader = withKey()
    const mayRead = (pattern: string) =>
      reader.query("acme", "authorize", { key: "k1", action: "subscribe", topic: pattern })
    allow(reader, "orders", "orders.*", { actions: ["subscribe"] })
    expect(
      ["orders.*", "orders.eu", "orders.#", "#", "*.eu"].map((pattern) => mayRead(pattern).isGranted),
    ).toEqual([true, true, false, false, false])
    allow(reader, "not", "orders.secret", { actions: ["subscribe"], effect: "deny" })
    expect(mayRead("orders.*")).toMatchObject({ reason: "denied-by-rule", rule: "not" })
    expect(mayRead("orders.eu")).toMatchObject({ isGranted: true })
  })

  test("are bounded", () => {
    const full = withKey()
    for (let at = 0; at < 200; at++) allow(full, `r${at}`, "a")
    for (const id of ["one-more", "constructor"])
      expect(allow(full, id, "a")).toMatchObject({ code: "too-many-rules" })
    // One that is there already can be changed.
    expect(allow(full, "r0", "b")).toMatchObject({ result: null })
  })

  test("take no pattern that means nothing", () => {
    for (const pattern of ["", ".", "a.", ".a", "a..b", "a*", "a.#b", "a b", Array(33).fill("a").join(".")])
      expect(allow(subject, "bad", pattern)).toMatchObject({ code: "invalid-input" })
  })
})

describe("patterns", () => {
  test("match as the same pattern does that is written as a regular expression", () => {
    const word = fc.constantFrom("a", "b", "", "#", "*")
    const topics = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join("."))
    const parts = fc.array(fc.constantFrom("a", "b", "*", "#"), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(parts, topics, (parts, topic) => {
        // Each word with the dot before it, so that `#` may stand for none without a dot too many.
        const source = parts
          .map((part) => (part === "#" ? "(?:\\.[^.]*)*" : part === "*" ? "\\.[^.]*" : `\\.${part}`))
          .join("")
        expect(matches(parts.join("."), topic)).toBe(new RegExp(`^${source}$`).test(`.${topic}`))
      }),
      { numRuns: 2_000 },
    )
  })

  test("cover and meet other patterns as the topics of both do", () => {
    const topics = (length: number): ReadonlyArray<string> =>
      length === 0
        ? ["a", "b", "c"]
        : topics(length - 1).flatMap((topic) => [topic, `${topic}.a`, `${topic}.b`, `${topic}.c`])
    // Two patterns of three words that have a topic in common have one of six words.
    const all = [...new Set(topics(5))]
    const parts = fc
      .array(fc.constantFrom("a", "b", "*", "#"), { minLength: 1, maxLength: 3 })
      .map((list) => list.join("."))
    fc.assert(
      fc.property(parts, parts, (pattern, asked) => {
        const wanted = all.filter((topic) => matches(asked, topic))
        const common = wanted.filter((topic) => matches(pattern, topic))
        expect(meets(pattern, asked)).toBe(common.length > 0)
        if (covers(pattern, asked)) expect(common).toEqual(wanted)
        // Where only one of the two has wildcards of either kind, it is exact.
        if (!pattern.includes("*") || !asked.includes("#"))
          expect(covers(pattern, asked)).toBe(common.length === wanted.length)
      }),
      { numRuns: 150 },
    )
  })

  test("of many `#` take no longer than others", () => {
    // Trying out what each stands for would take more steps than there are atoms.
    expect(matches(Array(32).fill("#").join(".").concat(".x"), Array(120).fill("a").join("."))).toBe(false)
  })
})

const messageOf = (act: () => unknown): string => {
  try {
    return JSON.stringify(act())
  } catch (error) {
    return String(error)
  }
}
