import { describe, expect, onTestFinished, test } from "vitest";
import type { Credentials } from "../../../../src/registry/auth/credentials.js";
import { authClient } from "../../../helpers/authClient.js";
import { answer, startPeer, type Incoming, type Outgoing, type Peer } from "../../../helpers/peer.js";
import { useWorkplace } from "../../../helpers/workplace.js";

/** Token servers that answer 401 where the user has no right to one of the repositories that a token is asked for. */

const auth = { kind: "bearer", users: { me: "secret" } } as const;
const me: Credentials = { kind: "basic", username: "me", password: "secret" };
const wrong: Credentials = { kind: "basic", username: "me", password: "wrong" };

type Intercept = (request: Incoming, response: Outgoing) => boolean;

/** @param general the status of the answer to who asks for no scope, if it is not a token */
const refusingPrivate =
  (general?: number): Intercept =>
  ({ url = "" }, response) => {
    if (!url.startsWith("/token")) return false;
    if (url.includes("private")) return answer(response, 401);
    return general !== undefined && !url.includes("scope=") && answer(response, general);
  };

async function start(intercept: Intercept): Promise<Peer> {
  const peer = await startPeer({ auth, intercept });
  onTestFinished(() => peer.close());
  return peer;
}

const tokens = ({ requests }: Peer): number => requests.filter((one) => one.includes("/token")).length;

describe("where one repository of several pieces of work is refused by 401", () => {
  test.each([
    ["the first", ["private", "app", "lib"]],
    ["the last", ["app", "lib", "private"]],
  ])("the others are not, whichever asks first: %s", async (_, repositories) => {
    const peer = await start(refusingPrivate());
    const work = authClient({ host: peer.host, credentials: () => Promise.resolve(me) }).sharedSession(
      ...repositories,
    );
    for (const repository of repositories) {
      expect([repository, await work.get(repository)]).toEqual([
        repository,
        repository === "private" ? 401 : 404,
      ]);
    }
    const before = tokens(peer);
    // For all, for each of three; and for none behind each of the two that were refused.
    expect(before).toBe(6);
    await Promise.all(repositories.map((repository) => work.get(repository)));
    expect(tokens(peer)).toBe(before);
  });

  test("they are not either where there is no token without scopes, once one has had its own", async () => {
    const peer = await start(refusingPrivate(400));
    const work = authClient({ host: peer.host, credentials: () => Promise.resolve(me) }).sharedSession(
      "app",
      "private",
      "lib",
    );
    expect([await work.get("app"), await work.get("private"), await work.get("lib")]).toEqual([
      404, 401, 404,
    ]);
  });

  test("in a single piece of work, it is the credentials that are refused, and they are sent once", async () => {
    const peer = await start(refusingPrivate());
    const work = authClient({ host: peer.host, credentials: () => Promise.resolve(me) }).session(
      "app",
      "private",
    );
    await expect(work.get("app")).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect(tokens(peer)).toBe(1);
  });
});

describe("credentials that are wrong", () => {
  const repositories = Array.from({ length: 30 }, (_, at) => `app/${at}`);

  async function sent(intercept: Intercept, known = wrong, names = repositories): Promise<number> {
    const peer = await start(intercept);
    const work = authClient({ host: peer.host, credentials: () => Promise.resolve(known) }).sharedSession(
      ...names,
    );
    const results = await Promise.allSettled(names.map((name) => work.get(name)));
    for (const result of results) expect(result).toMatchObject({ reason: { code: "UNAUTHENTICATED" } });
    await expect(work.get("another")).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    return tokens(peer);
  }

  test("are sent twice: for all scopes, and for none", async () => {
    expect(await sent(() => false)).toBe(2);
  });

  test("are sent for those of one request, too, where there is no token without scopes", async () => {
    const intercept = refusingPrivate(400);
    expect(await sent(intercept)).toBe(4);
  });

  test("are sent once where all is about one repository", async () => {
    expect(await sent(() => false, wrong, ["app/1"])).toBe(1);
  });

  test("are sent once where they are a token that the server says is not good any more", async () => {
    const ended: Intercept = ({ url = "" }, response) =>
      url.startsWith("/token") && answer(response, 400, {}, JSON.stringify({ error: "invalid_grant" }));
    expect(await sent(ended, { kind: "identityToken", token: "ended" })).toBe(1);
  });

  test("are not sent again when they end in the middle", async () => {
    let areGood = true;
    const peer = await start(
      ({ url = "" }, response) => url.startsWith("/token") && !areGood && answer(response, 401),
    );
    const work = authClient({ host: peer.host, credentials: () => Promise.resolve(me) }).sharedSession(
      ...repositories,
    );
    expect(await work.get("app/0")).toBe(404);
    areGood = false;
    peer.expireTokens();
    for (const name of repositories) {
      await expect(work.get(name)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    }
    // One that was good, then for all scopes, and for none.
    expect(tokens(peer)).toBe(3);
  });
});

describe("many lists", () => {
  const workplace = useWorkplace();

  test("are made but for the one to whose repository the user has no right", async () => {
    const peer = await workplace.registry({ auth, intercept: refusingPrivate() });
    peer.putImage("team/app", { kind: "oci", architecture: "amd64", tag: "amd64", layers: 1 });
    const basic = Buffer.from("me:secret").toString("base64");
    workplace.write("config.json", JSON.stringify({ auths: { [peer.host]: { auth: basic } } }));
    const lists = ["private", "app/1", "app/2"].map((name) => ({
      target: `${peer.host}/${name}:v1`,
      sources: [`${peer.host}/team/app:amd64`],
    }));
    const file = workplace.write("lists.yaml", JSON.stringify({ version: 1, lists }));
    const { status, stderr } = await workplace.run("apply", "-f", file);
    expect([status, stderr]).toEqual([1, expect.stringContaining("1 of 3 lists failed")]);
    expect(["private", "app/1", "app/2"].map((name) => peer.tags(name))).toEqual([[], ["v1"], ["v1"]]);
  });
});
