import { expect, test } from "vitest";
import { ManifestError } from "../../src/errors.js";
import { emptyDraft } from "../../src/list/draft.js";
import { parseReference } from "../../src/oci/reference.js";
import { execute } from "../../src/push/execute.js";
import { accessesOf, plan } from "../../src/push/plan.js";
import { createRegistry, type RegistryClient } from "../../src/registry/createRegistry.js";
import { RegistryError } from "../../src/registry/http/registryError.js";
import { HostRates } from "../../src/registry/retry/hostRate.js";
import type { AuthOptions, Override, SeenRequest } from "../../src/testing/index.js";
import { startPeer } from "../helpers/peer.js";
import { entryOf } from "../helpers/scene.js";
import { SECRETS } from "../helpers/secrets.js";
import { seededRandom } from "../helpers/seededRandom.js";

/**
 * One client for a thousand pushes, each with a fault of its own: tokens that end, scopes that are refused, a registry
 * or a token server that is down. What one push met must not change what the next one gets. Each is made twice: by the
 * client that lives through all of them, and by a new one.
 */
const PUSHES = Number(process.env["LONG_LIVED_PUSHES"] ?? (process.env["CI"] === "true" ? 1_000 : 100));
const SEED = Number(process.env["LONG_LIVED_SEED"] ?? 1);

const SOURCES = 4;

/** What a registry does during one push. Made anew for each try, so that both have the same. */
interface Fault {
  readonly name: string;
  /** May the user do this now? */
  readonly allow?: (repository: string, action: string) => boolean;
  readonly onRequest?: () => (request: SeenRequest) => Override | undefined;
  readonly expireTokens?: boolean;
}

const denied = { errors: [{ code: "DENIED", message: "not now" }] };
const answer = (status: number, body: object = {}): Override => ({
  status,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

/** Answers the first requests of a kind otherwise. */
function first(count: number, matches: (request: SeenRequest) => boolean, override: Override) {
  return () => {
    let left = count;
    return (request: SeenRequest) => (matches(request) && left-- > 0 ? override : undefined);
  };
}

const isToken = ({ path }: SeenRequest): boolean => path.startsWith("/token");
const isMount = ({ path }: SeenRequest): boolean => path.includes("mount=");
const asksForSource =
  (index: number) =>
  ({ path }: SeenRequest): boolean =>
    isToken({ path } as SeenRequest) && path.includes(`src%2F${index}%3A`);

const FAULTS: readonly Fault[] = [
  { name: "none" },
  { name: "all tokens have ended", expireTokens: true },
  { name: "a source may not be read", expireTokens: true, allow: (repository) => repository !== "src/1" },
  {
    name: "no source may be read",
    expireTokens: true,
    allow: (repository) => !repository.startsWith("src/"),
  },
  { name: "nothing may be pushed", expireTokens: true, allow: (_, action) => action !== "push" },
  { name: "the registry is down for two requests", onRequest: first(2, () => true, answer(503)) },
  { name: "the registry is down", onRequest: first(Infinity, () => true, answer(503)) },
  { name: "the first connection is cut", onRequest: first(1, () => true, { cut: "before" }) },
  {
    name: "every HEAD is cut",
    onRequest: first(Infinity, ({ method }) => method === "HEAD", { cut: "before" }),
  },
  { name: "every connection is cut", onRequest: first(Infinity, () => true, { cut: "before" }) },
  { name: "the token server is down", expireTokens: true, onRequest: first(Infinity, isToken, answer(500)) },
  {
    name: "the token server is down for a moment",
    expireTokens: true,
    onRequest: first(1, isToken, answer(500)),
  },
  {
    name: "the password is refused",
    expireTokens: true,
    onRequest: first(Infinity, isToken, answer(401, denied)),
  },
  {
    name: "the token server has no token for anything",
    expireTokens: true,
    onRequest: first(Infinity, isToken, answer(403, denied)),
  },
  {
    name: "a scope is refused at the token server",
    expireTokens: true,
    onRequest: first(Infinity, asksForSource(1), answer(403, denied)),
  },
  { name: "mounts are refused by 405", onRequest: first(Infinity, isMount, answer(405)) },
  { name: "mounts are refused by 401", onRequest: first(Infinity, isMount, answer(401, denied)) },
  {
    name: "the list is refused",
    onRequest: first(
      Infinity,
      ({ method, path }) => method === "PUT" && path.endsWith("/v1"),
      answer(403, denied),
    ),
  },
  {
    name: "manifests are asked for in vain",
    onRequest: first(Infinity, ({ method }) => method === "HEAD", answer(404)),
  },
];

/** What went wrong, with what was behind it; which of several requests was the first to meet it is chance. */
function codesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const code =
    error instanceof RegistryError ? `${error.status}` : error instanceof ManifestError ? error.code : "";
  return [...(code === "" ? [] : [code]), ...codesOf(error.cause)];
}

test(
  `one client gives each of ${PUSHES} pushes the result that it would have had alone (LONG_LIVED_SEED=${SEED})`,
  { timeout: 600_000 },
  async () => {
    const random = seededRandom(SEED);
    let fault: Fault = FAULTS[0]!;
    let onRequest: (request: SeenRequest) => Override | undefined = () => undefined;
    const auth: AuthOptions = {
      kind: "bearer",
      users: { me: SECRETS.password },
      allow: (_user, repository, action) => fault.allow?.(repository, action) ?? true,
    };
    const peer = await startPeer({ auth, onRequest: (request) => onRequest(request) });
    const newClient = (): Promise<RegistryClient> =>
      createRegistry({
        domain: peer.host,
        credentials: () => Promise.resolve({ kind: "basic", username: "me", password: SECRETS.password }),
        retries: 3,
        // Faults follow each other here as they never do: that a host is asked less after each is tried elsewhere.
        rates: new HostRates({
          now: () => performance.now() * 1_000,
          callLater: (callback, ms) => {
            const timer = setTimeout(callback, ms / 1_000);
            return () => {
              clearTimeout(timer);
            };
          },
        }),
        retryLimits: { baseMs: 1, capMs: 2, longestRetryAfterMs: 100, totalMs: 5_000 },
      });
    const images = Array.from({ length: SOURCES }, (_, index) =>
      peer.putImage(`src/${index}`, {
        tag: "v1",
        architecture: `a${index}`,
        layers: ["shared", String(index)],
      }),
    );

    /** How a push ends: its digest, or what is thrown; and what the tag is then. */
    async function push(client: RegistryClient, target: string, sources: readonly number[]): Promise<object> {
      if (fault.expireTokens === true) peer.expireTokens();
      onRequest = fault.onRequest?.() ?? (() => undefined);
      const entries = sources.map((index) => entryOf(`${peer.host}/src/${index}:v1`, images[index]!));
      const planned = plan({ ...emptyDraft(parseReference(`${peer.host}/${target}:v1`)), entries });
      const access = accessesOf(planned).flatMap(({ location, actions }) =>
        location.kind === "registry" ? [{ path: location.path, actions }] : [],
      );
      const session = client.session({ access });
      const result = await execute(planned, (location) =>
        location.kind === "registry" ? session.repository(location.path) : expect.unreachable(),
      ).catch((error: unknown) => error);
      onRequest = () => undefined;
      const tag = peer.manifest(target, "v1")?.digest;
      if (!(result instanceof ManifestError)) return { ...(result as { digest: string }), tag };
      return { codes: codesOf(result), tag };
    }

    const shared = await newClient();
    const ends = new Map<string, Set<string>>();
    try {
      for (let count = 0; count < PUSHES; count++) {
        fault = FAULTS[Math.floor(random() * FAULTS.length)]!;
        const sources = Array.from({ length: SOURCES }, (_, index) => index).filter(() => random() < 0.6);
        if (sources.length === 0) sources.push(0);
        const alone = await newClient();
        const expected = await push(alone, `alone/${count}`, sources);
        await alone.close();
        const actual = await push(shared, `shared/${count}`, sources);
        expect({ count, fault: fault.name, sources, ...actual }).toEqual({
          count,
          fault: fault.name,
          sources,
          ...expected,
        });
        ends.set(
          fault.name,
          (ends.get(fault.name) ?? new Set()).add("codes" in expected ? "fails" : "works"),
        );
      }
    } finally {
      await shared.close();
      await peer.close();
    }
    // Nothing above would mean much if all pushes had failed, or none.
    expect(ends.get("none")).toEqual(new Set(["works"]));
    expect(ends.get("every HEAD is cut")).toEqual(new Set(["works"]));
    expect(ends.get("nothing may be pushed")).toEqual(new Set(["fails"]));
    expect(ends.get("the registry is down for two requests")).toEqual(new Set(["works"]));
  },
);
