import { describe, expect, it } from "vitest";
import { PlanReport } from "../../src/ui/planReportSchema.js";
import { certificateFile } from "../helpers/certificates.js";
import { answer, type Incoming, type Outgoing } from "../helpers/peer.js";
import { withScene, type Scene, type SceneOptions } from "../helpers/scene.js";
import { SECRETS } from "../helpers/secrets.js";
import { digestsAt, isComplete, listAt } from "./contents.js";
import { dialects } from "./dialects.js";

/** What users ask of a push, and of its failures. The numbers are those of the asks, with a thread behind each. */

const NEW = "team/app:v2";
const newList = ({ domain }: Scene): string => `${domain}/${NEW}`;
const digestsOf = ({ images }: Scene): string[] => images.map(({ digest }) => digest);
const changes = ({ count }: Scene): number => count(/^(?!GET|HEAD)/);

const HTTP2 = {
  options: { speaks: "h2" } satisfies SceneOptions,
  flags: ["--ca-file", certificateFile("ca")],
};

/** A registry that answers only when nobody asks for anything more: all that does not wait for an answer is one round. */
function inRounds(): { readonly onRequest: () => Promise<undefined>; readonly rounds: () => number } {
  const QUIET_MS = 150;
  let waiting: (() => void)[] = [];
  let rounds = 0;
  let timer: NodeJS.Timeout | undefined;
  const answerAll = (): void => {
    rounds++;
    for (const go of waiting.splice(0)) go();
  };
  return {
    onRequest: () =>
      new Promise((resolve) => {
        waiting = [
          ...waiting,
          () => {
            resolve(undefined);
          },
        ];
        clearTimeout(timer);
        timer = setTimeout(answerAll, QUIET_MS);
      }),
    rounds: () => rounds,
  };
}

describe.each(dialects)("12 (dc#3872): a list of many images, by $dialect", ({ make }) => {
  // Over HTTP/1.1 eight requests go at once at first, and more as quick answers come: with many images that is a turn or two more.
  it.each([
    { count: 2, most: 6, protocol: "HTTP/1.1", options: {}, flags: [] },
    { count: 24, most: 8, protocol: "HTTP/1.1", options: {}, flags: [] },
    { count: 2, most: 6, protocol: "HTTP/2", ...HTTP2 },
    { count: 24, most: 6, protocol: "HTTP/2", ...HTTP2 },
  ])("takes $most round trips at most, for $count images by $protocol", async (one) => {
    const { count, most, options, flags } = one;
    const images = Array.from({ length: count }, (_, index) => ({ seed: `${index}`, variant: `v${index}` }));
    const { onRequest, rounds } = inRounds();
    await withScene({ ...options, images, onRequest }, async (scene) => {
      const network = ["--concurrency", "200", ...flags];
      expect(await make(scene, newList(scene), scene.sources, { network })).toMatchObject({ status: 0 });
      expect(rounds()).toBeLessThanOrEqual(most);
      // Of each image the manifest and the config are read, and what is attached to it; its two blobs are mounted. It is asked
      // for in the target, and put. The list's tag is asked for, and put.
      expect(scene.peer.requests.length).toBeLessThanOrEqual(7 * count + 2);
    });
  });

  it("sends nothing anew that is there already (dc#138)", async () => {
    await withScene({}, async (scene) => {
      await make(scene, newList(scene), scene.sources);
      const before = changes(scene);
      expect(await make(scene, `${scene.domain}/team/app:v3`, scene.sources)).toMatchObject({ status: 0 });
      expect(scene.count(/^PUT /)).toBe(4);
      expect(changes(scene) - before).toBeLessThanOrEqual(5);
    });
  });
});

describe.each(dialects)("20: errors of $dialect say what happened", ({ make }) => {
  const errors = (code: string, message: string, detail?: unknown): string =>
    JSON.stringify({ errors: [{ code, message, detail }] });
  const onSource =
    (status: number, headers: Record<string, string>, body: string): NonNullable<SceneOptions["intercept"]> =>
    ({ url = "" }, response) =>
      url.startsWith("/v2/src/1/") && answer(response, status, headers, body);

  it("that nobody is logged in, where a proxy takes the registry's headers away (dc#989)", async () => {
    const intercept = onSource(401, {}, errors("UNAUTHORIZED", "authentication required"));
    await withScene({ intercept }, async (scene) => {
      const { status, stderr } = await make(scene, newList(scene), scene.sources);
      expect(status).toBe(1);
      expect(stderr).toContain(`GET http://${scene.domain}/v2/src/1/manifests/v1 answered 401`);
      expect(stderr).toContain(`not logged in to ${scene.domain}`);
    });
  });

  it("which image is not there", async () => {
    await withScene({}, async (scene) => {
      const sources = [...scene.sources, `${scene.domain}/src/1:typo`];
      const { status, stderr } = await make(scene, newList(scene), sources);
      expect(status).toBe(1);
      expect(stderr).toContain(`${scene.domain}/src/1:typo`);
      expect(stderr).not.toContain(scene.sources[0]);
    });
  });

  it("what the registry said when the list was put, and to which request (bx#1726)", async () => {
    const intercept = ({ method, url = "" }: Incoming, response: Outgoing): boolean =>
      method === "PUT" &&
      url.includes("/v2/team/app/manifests/") &&
      answer(
        response,
        403,
        {},
        errors("DENIED", "the plan of this account ended yesterday", { plan: "free" }),
      );
    await withScene({ intercept }, async (scene) => {
      const { status, stdout, stderr } = await make(scene, newList(scene), scene.sources);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toMatch(/denied: the plan of this account ended yesterday/i);
      expect(stderr).toMatch(/PUT http:\/\/\S+\/v2\/team\/app\/manifests\/\S+ answered 403/);
      expect(stderr).toContain("the account may not do this there");
      expect(stderr).not.toMatch(/retries|status code: 403/);
    });
  });

  it.each([
    ["an error of its own", 500, {}, errors("UNKNOWN", "database is locked"), /database is locked/],
    ["a page of HTML", 502, { "Content-Type": "text/html" }, "<html>Bad Gateway</html>", /a page of HTML/],
    ["a rate limit", 429, {}, errors("TOOMANYREQUESTS", "rate exceeded"), /rate exceeded/],
  ])("that a registry has only %s to say, after all retries", async (_, status, headers, body, message) => {
    await withScene({ intercept: onSource(status, headers, body) }, async (scene) => {
      const made = await make(scene, newList(scene), scene.sources);
      expect(made.status).toBe(1);
      expect(made.stderr).toMatch(message);
      expect(made.stderr).toContain(`GET http://${scene.domain}/v2/src/1/manifests/v1 answered ${status}`);
      expect(made.stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
    });
  });

  it("that the registry is not there at all", async () => {
    await withScene({}, async (scene) => {
      await scene.peer.close();
      const { status, stderr } = await make(scene, newList(scene), scene.sources);
      expect(status).toBe(1);
      expect(stderr).toMatch(/127\.0\.0\.1:\d+: connection refused \(GET http:\S+\)/);
    });
  });
});

/** Tags stay where they are, as in ECR: a PUT to one that is there is refused, whatever it puts. */
function immutable(message = "cannot be overwritten because the tag is immutable."): SceneOptions {
  const tags = new Set<string>();
  return {
    tagParameter: false,
    onRequest: ({ method, route }) => {
      if (method !== "PUT" || route?.kind !== "manifest" || route.reference.includes(":")) return undefined;
      const name = `${route.repository}:${route.reference}`;
      if (!tags.has(name)) {
        tags.add(name);
        return undefined;
      }
      const error = { code: "TAG_INVALID", message: `The image tag '${route.reference}' ${message}` };
      return { status: 400, body: JSON.stringify({ errors: [error] }) };
    },
  };
}

describe.each(dialects)("25: tags that cannot be moved, and $dialect", ({ make, again }) => {
  it("puts the images by their digests: the tag is the list's alone (bx#663)", async () => {
    await withScene(immutable(), async (scene) => {
      expect(await make(scene, newList(scene), scene.sources)).toMatchObject({ status: 0, stderr: "" });
      expect(scene.peer.tags("team/app")).toEqual(["v2"]);
      expect(scene.count(/^PUT \/v2\/team\/app\/manifests\/v2$/)).toBe(1);
    });
  });

  it("runs again without an error, where the tag has the same list already (buildkit#3776)", async () => {
    await withScene(immutable(), async (scene) => {
      await make(scene, newList(scene), scene.sources);
      const rerun = await make(scene, newList(scene), scene.sources, { create: again });
      expect(rerun).toMatchObject({ status: 0, stderr: "" });
      expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
    });
  });

  it("says that the tag is immutable where it has another list, and which", async () => {
    await withScene(immutable(), async (scene) => {
      await make(scene, newList(scene), scene.sources.slice(0, 1));
      const { digest } = listAt(scene.peer, NEW);
      const rerun = await make(scene, newList(scene), scene.sources, { create: again });
      expect(rerun).toMatchObject({ status: 1 });
      expect(rerun.stderr).toContain(`the tag is immutable and stays at ${digest}; push under another tag`);
      expect(listAt(scene.peer, NEW).digest).toBe(digest);
    });
  });
});

describe.each(dialects)("26 (dc#138): what $dialect would do, before it does it", ({ make, again }) => {
  it("is shown for people, and nothing is changed", async () => {
    await withScene({}, async (scene) => {
      const planned = await make(scene, newList(scene), scene.sources, { push: ["--plan"] });
      expect(planned).toMatchObject({ status: 0, stderr: "" });
      expect(planned.stdout).toMatch(/^127\.0\.0\.1:\d+\/team\/app\n {2}pushes +sha256:/);
      expect(planned.stdout).toMatch(/\n {2}puts +2 manifests\n {2}mounts +4 blobs \(/);
      expect(planned.stdout).toMatch(/\n {2}tag v2: new\n/);
      expect(planned.stdout).toMatch(/\n {4}\+ linux\/amd64 +sha256:/);
      expect(changes(scene)).toBe(0);
      expect(scene.peer.tags("team/app")).toEqual([]);
    });
  });

  it("is JSON for programs, and is what is then sent", async () => {
    await withScene({}, async (scene) => {
      const planned = await make(scene, newList(scene), scene.sources, {
        push: ["--plan", "--format", "json"],
      });
      const { requests, targets } = PlanReport.parse(JSON.parse(planned.stdout));
      expect(targets.map(({ name }) => name)).toEqual([`${scene.domain}/team/app`]);
      const expected = requests
        .filter(({ method, optional }) => !["GET", "HEAD"].includes(method) && optional !== true)
        .map(({ method, url }) => `${method} ${url.replace(`http://${scene.domain}`, "")}`);
      const before = scene.peer.requests.length;
      expect(await make(scene, newList(scene), scene.sources, { create: again })).toMatchObject({
        status: 0,
      });
      const sent = scene.peer.requests.slice(before).filter((request) => !/^(?:GET|HEAD) /.test(request));
      expect(sent.sort()).toEqual(expected.sort());
    });
  });

  it("says how the list differs from the one that has the tag", async () => {
    await withScene({}, async (scene) => {
      await make(scene, newList(scene), scene.sources);
      const rebuilt = scene.peer.putImage("src/0", { tag: "v1", architecture: "amd64", seed: "rebuilt" });
      const flags = { create: again, push: ["--plan"] };
      const { stdout } = await make(scene, newList(scene), scene.sources, flags);
      expect(stdout).toMatch(
        new RegExp(
          `~ linux/amd64 +${digestsOf(scene)[0] ?? ""} → ${rebuilt.digest}\\n.*= 1 image as before`,
          "s",
        ),
      );
    });
  });
});

describe.each(dialects)("27 (docker-tools#2126): after the push of $dialect", ({ make }) => {
  it.each(["--verify", "--verify=blobs"])("%s reads back what was pushed", async (verify) => {
    await withScene({}, async (scene) => {
      const made = await make(scene, newList(scene), scene.sources, { push: [verify] });
      expect(made).toMatchObject({ status: 0, stderr: "" });
      expect(scene.count(/^(?:GET|HEAD) \/v2\/team\/app\/manifests\/v2$/)).toBeGreaterThan(0);
      expect(scene.count(/^HEAD \/v2\/team\/app\/blobs\//)).toBe(verify === "--verify" ? 0 : 4);
      expect(isComplete(scene.peer, NEW)).toBe(true);
    });
  });

  /** Does something to the registry right behind the PUT that gives the list its tag. */
  const afterwards = (damage: (scene: Scene) => void): [SceneOptions, (scene: Scene) => void] => {
    let current: Scene | undefined;
    const intercept = ({ method, url = "" }: Incoming, response: Outgoing): boolean => {
      if (method === "PUT" && /\/manifests\/(?:v2$|.*tag=v2)/.test(url)) {
        response.on("close", () => {
          if (current !== undefined) damage(current);
        });
        response.on("finish", () => {
          if (current !== undefined) damage(current);
        });
      }
      return false;
    };
    return [{ intercept }, (scene) => (current = scene)];
  };

  it("a manifest that the registry has lost is missed", async () => {
    const [options, begin] = afterwards(({ peer, images }) => {
      peer.deleteManifest("team/app", images[1]?.digest ?? "");
    });
    await withScene(options, async (scene) => {
      begin(scene);
      const made = await make(scene, newList(scene), scene.sources, { push: ["--verify"] });
      expect(made.status).toBe(1);
      expect(made.stderr).toContain(`team/app@${scene.images[1]?.digest ?? ""}: is not there`);
    });
  });

  it("a layer that the registry has lost is missed, if layers are looked at", async () => {
    const [options, begin] = afterwards(({ peer, images }) => {
      peer.deleteBlob("team/app", images[1]?.blobs[1] ?? "");
    });
    await withScene(options, async (scene) => {
      begin(scene);
      const made = await make(scene, newList(scene), scene.sources, { push: ["--verify=blobs"] });
      expect(made.status).toBe(1);
      expect(made.stderr).toContain(
        `blob ${scene.domain}/team/app@${scene.images[1]?.blobs[1] ?? ""}: is not there`,
      );
    });
  });

  it("a tag that another job has moved meanwhile is told from a failure", async () => {
    const [options, begin] = afterwards(({ peer }) => {
      peer.putImage("team/app", { tag: "v2", seed: "of another job" });
    });
    await withScene(options, async (scene) => {
      begin(scene);
      const made = await make(scene, newList(scene), scene.sources, { push: ["--verify"] });
      expect(made.status).toBe(1);
      expect(made.stderr).toMatch(/team\/app:v2: somebody else has moved the tag to sha256:\w+ meanwhile/);
      expect(made.stderr).toContain("all that was pushed is there");
    });
  });
});

it.each(dialects)("20: no secret is in what $dialect says of a failed login", async ({ make }) => {
  const users = { me: "another" };
  const config = (host: string): object => ({ auths: { [host]: { auth: btoa(`me:${SECRETS.password}`) } } });
  await withScene({ auth: { kind: "bearer", users }, config }, async (scene) => {
    const { status, stderr } = await make(scene, newList(scene), scene.sources);
    expect(status).toBe(1);
    expect(stderr).toMatch(/unauthorized|not accepted|logged in/i);
  });
});
