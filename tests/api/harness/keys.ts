/**
 * The keys of one test run. The tests hold the private halves, so that they can sign tokens of
 * their own: right ones for people made in bulk, and wrong ones that only their claims betray.
 */
import { createHmac, createPrivateKey, createPublicKey, randomBytes, randomUUID, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";

/** PKCS #8 around a bare Ed25519 seed (RFC 8410, section 7). */
const PKCS8_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");

export const ISSUER = "http://localhost:8787";
export const AUDIENCE = "kith";
export const ACCESS_TOKEN_SECONDS = 600;

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = Record<string, Json>;

export interface SigningKey {
  kid: string;
  seed: Buffer;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

export function generateSigningKey(kid: string): SigningKey {
  const seed = randomBytes(32);
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: "der", type: "pkcs8" });
  return { kid, seed, privateKey, publicKey: createPublicKey(privateKey) };
}

export function base64url(value: Buffer | string): string {
  return Buffer.from(value).toString("base64url");
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** A JWT as it stands, decoded and not verified. */
export interface DecodedToken {
  header: JsonObject;
  claims: JsonObject;
  signingInput: string;
  signature: Buffer;
}

export function decodeToken(token: string): DecodedToken {
  const [header = "", claims = "", signature = ""] = token.split(".");
  const parse = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as JsonObject;
  return {
    header: parse(header),
    claims: parse(claims),
    signingInput: `${header}.${claims}`,
    signature: Buffer.from(signature, "base64url"),
  };
}

/** Puts a token together; `signWith` gets the signing input and gives the signature. */
export function composeToken(
  header: JsonObject,
  claims: JsonObject,
  signWith: (signingInput: Buffer) => Buffer,
): string {
  const signingInput = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
  return `${signingInput}.${base64url(signWith(Buffer.from(signingInput)))}`;
}

/** What the holder of a mail may do. */
export type MailPermission =
  | { may: "register"; registration_id: string }
  | { may: "verify_email"; user_id: string; email: string }
  | { may: "change_email"; user_id: string; new_email: string; credential_version: number }
  | { may: "reset_password"; user_id: string; username: string; email: string; credential_version: number };

/** The keys the worker runs with. */
export class Keys {
  /** Signs new tokens. */
  readonly current = generateSigningKey("test-current");
  /** No longer signs; what it signed is still good. */
  readonly former = generateSigningKey("test-former");
  readonly #sealing = randomBytes(32);

  /** The secrets of the worker, in the form its configuration wants. */
  secrets(): { SIGNING_KEYS: string; SECRET_KEYS: string } {
    return {
      SIGNING_KEYS: [this.current, this.former].map(({ kid, seed }) => `${kid}:${base64url(seed)}`).join(","),
      SECRET_KEYS: `test-sealing:${base64url(this.#sealing)}`,
    };
  }

  /** The claims of a good token for this person and session. */
  claims(userId: string, sessionId: string): JsonObject {
    const now = nowSeconds();
    return {
      iss: ISSUER,
      aud: AUDIENCE,
      sub: userId,
      sid: sessionId,
      jti: randomUUID(),
      iat: now,
      exp: now + ACCESS_TOKEN_SECONDS,
    };
  }

  /**
   * The token of a mail's link that allows this, until `expiresAt` in milliseconds: whoever has it has read
   * the mail. Made with another key or for another purpose, it is not Kith's.
   */
  mailToken(permission: MailPermission, expiresAt = Date.now() + 3_600_000, { key = this.#sealing, purpose = "mail_token" } = {}): string {
    const said = JSON.stringify({ ...permission, expires_at: expiresAt });
    const mac = createHmac("sha256", key);
    for (const part of [purpose, said]) {
      const length = Buffer.alloc(8);
      length.writeBigUInt64BE(BigInt(Buffer.byteLength(part)));
      mac.update(length).update(part);
    }
    return `${base64url(said)}.${base64url(mac.digest())}`;
  }

  /** A correctly signed token with these claims, right or wrong. */
  sign(claims: JsonObject, key: SigningKey = this.current, header: JsonObject = {}): string {
    return composeToken({ alg: "EdDSA", typ: "at+jwt", kid: key.kid, ...header }, claims, (input) =>
      sign(null, input, key.privateKey),
    );
  }
}
