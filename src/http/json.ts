// Which bytes are JSON that every replica will understand alike? One pass before JSON.parse, which accepts
// more than it keeps: duplicate keys, numbers that overflow or lose digits, halves of surrogate pairs.

import { Problem } from "./problem.ts"

export interface JsonLimits {
  readonly depthMax: number
}

/** Deeper input says more about its sender than about an actor, and recursion downstream must end. */
export const defaultJsonLimits: JsonLimits = { depthMax: 64 }

/** Bytes to text, or a problem: UTF-8 is checked, never repaired. */
export const decodeUtf8 = (bytes: Uint8Array): string => {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new Problem("bad-request", "The body is not UTF-8.")
  }
}

/** The value that a JSON text stands for. Throws a `bad-request` problem that names the first offence. */
export const parseJson = (text: string, what: string, limits: JsonLimits = defaultJsonLimits): unknown => {
  const offence = findOffence(text, limits.depthMax)
  if (offence !== null) throw new Problem("bad-request", `${what} is not acceptable JSON: ${offence}.`)
  try {
    return JSON.parse(text)
  } catch {
    throw new Problem("bad-request", `${what} is not JSON${text.trim() === "" ? ": it is empty" : ""}.`)
  }
}

/**
 * The first thing that JSON.parse would let pass or trip over, or null. Broken grammar is left to JSON.parse;
 * this only keeps its place in the text, in linear time and without recursion.
 */
const findOffence = (text: string, depthMax: number): string | null => {
  // One frame per open bracket: the keys of an object so far, or null for an array.
  const frames: Array<Set<string> | null> = []
  let expectsKey = false
  for (let at = 0; at < text.length; ) {
    switch (text.charCodeAt(at)) {
      case OPEN_OBJECT:
      case OPEN_ARRAY: {
        if (frames.length === depthMax) return `it is nested deeper than ${depthMax} levels`
        expectsKey = text.charCodeAt(at) === OPEN_OBJECT
        frames.push(expectsKey ? new Set() : null)
        at++
        break
      }
      case CLOSE_OBJECT:
      case CLOSE_ARRAY: {
        frames.pop()
        expectsKey = false
        at++
        break
      }
      case COMMA: {
        expectsKey = frames.at(-1) instanceof Set
        at++
        break
      }
      case QUOTE: {
        const end = endOfString(text, at + 1)
        if (end === -1) return null
        const inner = text.slice(at + 1, end)
        if (inner.includes("\\u") && hasLoneSurrogate(inner)) {
          return `the string at offset ${at} holds half of a surrogate pair`
        }
        if (expectsKey) {
          const offence = addKey(frames.at(-1), inner)
          if (offence !== null) return offence
          expectsKey = false
        }
        at = end + 1
        break
      }
      default: {
        if (!startsNumber(text.charCodeAt(at))) {
          at++
          break
        }
        number.lastIndex = at
        const token = number.exec(text)?.[0] ?? text.charAt(at)
        const offence = numberOffence(token)
        if (offence !== null) return offence
        at += token.length
      }
    }
  }
  return null
}

const addKey = (keys: Set<string> | null | undefined, inner: string): string | null => {
  const key = inner.includes("\\") ? unescaped(inner) : inner
  if (key === null || keys === null || keys === undefined) return null
  if (key === "__proto__") return 'the key "__proto__" is not allowed'
  if (keys.has(key)) return `the key ${JSON.stringify(key.slice(0, 64))} stands twice in one object`
  keys.add(key)
  return null
}

/** A plain integer promises to be exact; a fraction or an exponent is a double by intent. */
const numberOffence = (token: string): string | null => {
  const value = Number(token)
  if (!Number.isFinite(value)) return `the number ${shorten(token)} is too large`
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && !/[.eE]/.test(token)) {
    return `the integer ${shorten(token)} is beyond 2^53-1 and would not stay exact; send it as a string`
  }
  return null
}

/** Position of the closing quote, or -1. */
const endOfString = (text: string, from: number): number => {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return at
  }
  return -1
}

const hasLoneSurrogate = (inner: string): boolean => {
  const value = unescaped(inner)
  return value !== null && !value.isWellFormed()
}

const unescaped = (inner: string): string | null => {
  try {
    return String(JSON.parse(`"${inner}"`))
  } catch {
    return null
  }
}

const startsNumber = (code: number): boolean => code === MINUS || (code >= DIGIT_0 && code <= DIGIT_9)
const shorten = (token: string): string => (token.length > 32 ? `${token.slice(0, 32)}…` : token)

const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
