import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { findUserCache, type UserCache } from "./userCache.js";

/**
 * What earlier runs have seen, in the user's cache folder: hints that save questions. Nothing of it is believed without asking the
 * registry, so it may be wrong, old or gone. Nothing of it is secret.
 */
export interface Memory {
  /** Which manifests a repository has probably, since a push has found or put them there. */
  manifests(repository: RememberedRepository): { has(digest: string): boolean };
  /** Notes manifests that a repository has: those that matter most first. */
  rememberManifests(repository: RememberedRepository, digests: Iterable<string>): void;
  /** Where a registry's tokens were to be had last, for a day at most. The host is as in `URL.host`. */
  challenge(host: string): RememberedChallenge | undefined;
  /** Notes where a registry's tokens are to be had; undefined to forget it. One that may hold something secret is forgotten, too. */
  rememberChallenge(host: string, challenge: RememberedChallenge | undefined): void;
}

/** Of a registry's challenge, where its tokens are to be had and for what. */
export interface RememberedChallenge {
  /** An https URL without user name, query and fragment. */
  readonly realm: string;
  /** What tokens are asked for, besides their scopes. */
  readonly service?: string | undefined;
}

/** A repository that is remembered, as in `Location`. */
export interface RememberedRepository {
  /** The domain of a reference: `docker.io`, `registry.example:5000`. */
  readonly domain: string;
  /** Within the registry, such as `library/app`. */
  readonly path: string;
}

const MAX_REPOSITORIES = 256;
const MAX_HOSTS = 64;
/** Old files are looked for when so many new ones have been made: a listing of the folder for each would be felt. */
const LOOK_EVERY = 32;

/** Manifests of a repository; the newest are kept. */
const MAX_MANIFESTS = 512;
/** Of a digest, as many hexadecimal digits are plenty for a hint. */
const SHORT = 16;
const MAX_MANIFESTS_BYTES = MAX_MANIFESTS * (SHORT + 1);
const SHORT_DIGESTS = /^(?:[0-9a-f]{16}\n)*$/;

const DAY = 24 * 3_600_000;
const MAX_CHALLENGE_BYTES = 4 * 1024;

/** A challenge, in the file of its host. */
const ChallengeFile = z.strictObject({
  host: z.string(),
  realm: z.string().check(z.maxLength(1024), z.refine(isPlainRealm)),
  service: z.optional(z.string().check(z.maxLength(256), z.regex(/^[\x20-\x7e]*$/))),
  /** When the registry said so, in milliseconds since 1970. */
  at: z.number(),
});

/**
 * Opens what is kept for the user whose surroundings these are. Without a folder that is safe nothing is kept.
 * @param surroundings where it is; `now` gives the time, in milliseconds since 1970
 */
export function openMemory({
  now = Date.now,
  ...place
}: Parameters<typeof findUserCache>[0] & { readonly now?: () => number }): Memory {
  // Looked for when it is asked for: many runs do not need it.
  let cache: UserCache | undefined;
  const files = (): UserCache => (cache ??= findUserCache(place));
  let made = 0;

  const write = (name: string, content: string, isNew: boolean): void => {
    if (!files().write(name, content) || !isNew) return;
    if (made++ % LOOK_EVERY !== 0) return;
    files().keepNewest(/^manifests-[0-9a-f]{32}$/, MAX_REPOSITORIES);
    files().keepNewest(/^challenge-[0-9a-f]{32}$/, MAX_HOSTS);
  };

  const readManifests = (repository: RememberedRepository): string[] | undefined => {
    const text = files().read(manifestsFile(repository), MAX_MANIFESTS_BYTES)?.toString("latin1");
    if (text === undefined) return undefined;
    return SHORT_DIGESTS.test(text) ? text.split("\n").slice(0, -1) : [];
  };

  return {
    manifests(repository) {
      const known = new Set(readManifests(repository));
      return {
        has: (digest) => {
          const short = shortened(digest);
          return short !== undefined && known.has(short);
        },
      };
    },

    rememberManifests(repository, digests) {
      const known = readManifests(repository);
      const seen = new Set([...digests].map(shortened).filter((short) => short !== undefined));
      if (seen.size === 0) return;
      const before = new Set(known);
      const kept = [...new Set([...seen, ...before])].slice(0, MAX_MANIFESTS);
      const name = manifestsFile(repository);
      if (kept.every((one) => before.has(one))) files().touch(name);
      else write(name, `${kept.join("\n")}\n`, known === undefined);
    },

    challenge(host) {
      const file = parseChallenge(files().read(challengeFile(host), MAX_CHALLENGE_BYTES)?.toString());
      // One of the future was noted by a clock that was wrong.
      if (file?.host !== host || file.at > now() || file.at <= now() - DAY) return undefined;
      return { realm: file.realm, service: file.service };
    },

    rememberChallenge(host, challenge) {
      const name = challengeFile(host);
      const file = ChallengeFile.safeParse({ host, ...challenge, at: now() }).data;
      if (file === undefined) files().remove(name);
      else write(name, JSON.stringify(file), files().read(name, MAX_CHALLENGE_BYTES) === undefined);
    },
  };
}

/** Is it a URL that holds nothing but where a server is? What follows a `?` may be a key. */
function isPlainRealm(realm: string): boolean {
  if (!/^https:\/\/[\x21-\x7e]+$/.test(realm) || !URL.canParse(realm)) return false;
  const { username, password, href } = new URL(realm);
  return username === "" && password === "" && !/[?#]/.test(href);
}

function parseChallenge(text = ""): z.infer<typeof ChallengeFile> | undefined {
  try {
    return ChallengeFile.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function shortened(digest: string): string | undefined {
  return /^sha(?:256|512):([0-9a-f]{16})/.exec(digest)?.[1];
}

function manifestsFile({ domain, path }: RememberedRepository): string {
  return `manifests-${hashed(`${domain}/${path}`)}`;
}

function challengeFile(host: string): string {
  return `challenge-${hashed(host)}`;
}

/** The names of repositories may be longer than those of files. */
function hashed(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
