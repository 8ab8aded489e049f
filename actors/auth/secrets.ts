// How is a secret kept? Not at all: its hash is, and that is enough to recognise it.
//
// By a library and not by `crypto`: this runs where reducers and queries run as well, and those neither wait nor have it.

import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import { Schema } from "effect"

/** As its owner shows it. */
export const Secret = Schema.String.check(Schema.isMaxLength(256))

/** Of a secret: SHA-256, in hex. */
export const SecretHash = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{64}$/, { expected: "a SHA-256 hash in hex" }),
)

/**
 * A secret of 256 random bits cannot be guessed from its hash, whoever gets hold of a backup: so this needs no salt and
 * no slow hash, as passwords that people choose do.
 */
export const hashOf = (secret: string): string => bytesToHex(sha256(utf8ToBytes(secret)))

/** Takes as long whether the first or the last character differs: the time tells nobody how near a guess was. */
export const isSecret = (secret: string, hash: string): boolean => {
  const given = hashOf(secret)
  let difference = given.length ^ hash.length
  for (let at = 0; at < given.length; at++) difference |= given.charCodeAt(at) ^ hash.charCodeAt(at)
  return difference === 0
}

/** What is compared with when there is no such key, so that this takes as long as a wrong secret: the hash of nothing known. */
export const nobodysHash = "0".repeat(64)
