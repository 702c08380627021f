import { chmodSync, mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { certificateFile, type KeyedName } from "../helpers/certificates.js";
import { answer, type PeerOptions } from "../helpers/peer.js";
import { SECRETS } from "../helpers/secrets.js";
import { useWorkplace } from "../helpers/workplace.js";

/** Each error says what happened, to what, and what to do. docker's first lines are compared with docker's own in parity/. */

const work = useWorkplace();

/** The lines of stderr of a command line that fails. */
async function failed(...argv: string[]): Promise<string[]> {
  const { status, stdout, stderr } = await work.run(...argv);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  return stderr.split("\n").slice(0, -1);
}

/** A registry with an image for each of these architectures, `team/app:v1-<architecture>`. */
async function registryWith(architectures: readonly string[], options?: PeerOptions) {
  const registry = await work.registry(options);
  for (const architecture of architectures) {
    registry.putImage("team/app", { tag: `v1-${architecture}`, architecture });
  }
  const name = `${registry.host}/team/app:v1`;
  return { registry, host: registry.host, name, images: architectures.map((one) => `${name}-${one}`) };
}

const basicAuth = (password: string): string => Buffer.from(`me:${password}`).toString("base64");

describe("images of another registry than the list's", () => {
  it("are refused by push with the flag that has them copied, and what that costs", async () => {
    const { images, host } = await registryWith(["amd64"]);
    await work.out("create", "other.example/app:v1", ...images);
    const wayOut =
      "pass --cross-registry to push to have them copied: what the target does not have yet goes through this machine";
    expect(await failed("push", "other.example/app:v1")).toEqual([
      `cannot use source images from a different registry than the target image: ${host} != other.example`,
      wayOut,
    ]);
    expect(await failed("inspect", "other.example/app:v1")).toEqual([
      `failed to assemble ManifestDescriptor: cannot use source images from a different registry than the target image: ${host} != other.example`,
      wayOut,
    ]);
  });

  it("are taken with the flag that is named", async () => {
    const { images } = await registryWith(["amd64"]);
    const target = `${(await work.registry()).host}/team/app:v1`;
    await work.out("create", target, ...images);
    await work.out("push", "--cross-registry", target);
    expect((await work.run("imagetools", "inspect", target)).status).toBe(0);
  });
});

describe("a list that is not there", () => {
  const LOCAL =
    /^there is no local list x\.example\/app:v1: tsmanifest create makes one, tsmanifest ls shows/;

  it.each([
    ["push", "x.example/app:v1"],
    ["inspect", "x.example/app:v1", "x.example/app:v1-arm64"],
    ["annotate", "x.example/app:v1", "x.example/app:v1-arm64", "--arch", "arm64"],
    ["annotate", "x.example/app:v1", "--annotation", "index:a=1"],
    ["rm", "x.example/app:v1"],
    ["rm", "x.example/app:v1", "--entry", "x.example/app:v1-arm64"],
  ])("is a local one to %s %s %s %s %s", async (...argv) => {
    const [first, second, ...more] = await failed(...argv);
    expect(first).toMatch(/^No such manifest: |^manifest for image .* does not exist in /);
    expect(second).toMatch(LOCAL);
    expect(more).toEqual([]);
  });

  it("may be one that is there under a similar name", async () => {
    const { images, host } = await registryWith(["amd64"]);
    await work.out("create", "x.example/app:v1.2.3", ...images);
    expect(await failed("push", "x.example/app:v1.2.4")).toEqual([
      "No such manifest: x.example/app:v1.2.4",
      "there is no local list x.example/app:v1.2.4: did you mean x.example/app:v1.2.3?",
    ]);
    expect((await failed("push", `${host}/app:v1`))[1]).not.toContain("did you mean");
  });

  it("is one of the registry to whoever reads there", async () => {
    const { name, host, images } = await registryWith(["amd64"]);
    expect(await failed("inspect", name)).toEqual([
      `no such manifest: ${name}`,
      `there is no local list of that name, and ${host} has no tag v1 in team/app: check the name, and whether it was pushed`,
    ]);
    const [, second] = await failed("create", "x.example/app:v1", ...images, `${name}-arm64`);
    expect(second).toBe(`${host} has no tag v1-arm64 in team/app: check the name, and whether it was pushed`);
    expect(await failed("imagetools", "inspect", name)).toEqual([
      `ERROR: ${name}: not found`,
      `${host} has no tag v1 in team/app: check the name, and whether it was pushed`,
    ]);
    const digest = `sha256:${"a".repeat(64)}`;
    expect((await failed("inspect", `${host}/team/app@${digest}`))[1]).toContain(
      `${host} has no manifest of this digest in team/app: `,
    );
  });

  it("is in no repository, where the registry says that much", async () => {
    const body = JSON.stringify({ errors: [{ code: "NAME_UNKNOWN", message: "repository name not known" }] });
    const { name, host } = await registryWith([], {
      intercept: (_, response) => answer(response, 404, { "content-type": "application/json" }, body),
    });
    expect((await failed("inspect", name))[1]).toBe(
      `there is no local list of that name, and ${host} has no repository team/app, or does not show it: check the name, and whether it was pushed`,
    );
  });

  it("may only be hidden from who is not logged in", async () => {
    const auth = { kind: "bearer", users: { me: "right" } } as const;
    const { name, host } = await registryWith(["amd64"], { auth });
    const [first, second] = await failed("inspect", name);
    expect(first).toBe(`no such manifest: ${name}`);
    expect(second).toMatch(/^GET http:\S+ answered 401; /);
    expect(second).toContain(`not logged in to ${host}, or not with enough rights: log in by docker login`);
  });
});

describe("sources that nothing is taken of", () => {
  it("are told with the platforms that are there", async () => {
    const { images, host, name } = await registryWith(["amd64", "arm64"]);
    await work.out("imagetools", "create", "-t", name, ...images);
    const target = ["-t", `${host}/team/app:v2`];
    expect(await failed("imagetools", "create", ...target, "--platform", "linux/s390x", name)).toEqual([
      "ERROR: none of the manifests match the provided platforms",
      "there is linux/amd64, linux/arm64",
    ]);
    expect(await failed("create", `${host}/team/app:v2`, "--platform", "linux/s390x", name)).toEqual([
      "none of the manifests match the provided platforms",
      "tsmanifest imagetools inspect shows which platforms a source has",
    ]);
  });

  it("are none at all, where none are named", async () => {
    expect(await failed("imagetools", "create", "-t", "x.example/app:v1")).toEqual([
      "ERROR: no sources specified",
      "name images or lists that it is made of, or pass --file or --from",
    ]);
  });
});

describe("an image that is not in the list", () => {
  it("is told with those that are, and with the one that may be meant", async () => {
    const { images, name } = await registryWith(["amd64", "arm64"]);
    await work.out("create", name, ...images);
    const has = `it has ${images.join(", ")}`;
    expect(await failed("annotate", name, `${name}-amr64`, "--arch", "arm64")).toEqual([
      `manifest for image ${name}-amr64 does not exist in ${name}`,
      `${has}; did you mean ${name}-arm64?`,
    ]);
    expect(await failed("annotate", name, "x.example/y:z", "--arch", "arm64")).toEqual([
      `manifest for image x.example/y:z does not exist in ${name}`,
      has,
    ]);
    expect(await failed("inspect", name, `${name}-s390x`)).toEqual([
      `No such manifest: ${name}-s390x`,
      expect.stringContaining(has),
    ]);
    expect((await failed("rm", name, "--entry", `${name}-amd65`))[1]).toBe(
      `${has}; did you mean ${name}-amd64?`,
    );
  });
});

describe("a login that is not accepted", () => {
  const login = (host: string, password: string): void => {
    work.write("config.json", JSON.stringify({ auths: { [host]: { auth: basicAuth(password) } } }));
  };

  it.each(["basic", "bearer"] as const)(
    "is a wrong user name or password (%s), from the file that is named",
    async (kind) => {
      const { host, name } = await registryWith(["amd64"], { auth: { kind, users: { me: "right" } } });
      login(host, SECRETS.password);
      const [, second, ...more] = await failed("inspect", name);
      expect(second).toMatch(/^(?:GET|HEAD) \S+ answered 401; /);
      expect(second).toContain(
        `the user name or password for ${host}, from ${work.path("config.json")}, ` +
          `is not accepted: log in again (docker login ${host})`,
      );
      expect(more).toEqual([]);
      expect(await work.run("imagetools", "inspect", name)).toMatchObject({
        stderr: expect.stringContaining(`for ${host}, from `) as string,
      });
    },
  );

  it("comes from a credential helper, which is named", async () => {
    const { host, name } = await registryWith(["amd64"], {
      auth: { kind: "basic", users: { me: "right" } },
    });
    work.write("config.json", JSON.stringify({ credHelpers: { [host]: "sloppy" } }));
    mkdirSync(work.path("bin"));
    const helper = work.write(
      "bin/docker-credential-sloppy",
      `#!/bin/sh\ncat >/dev/null\necho '{"Username":"me","Secret":"${SECRETS.password}"}'\n`,
    );
    chmodSync(helper, 0o755);
    const env = { PATH: `${work.path("bin")}:${process.env["PATH"] ?? ""}` };
    const { status, stderr } = await work.runWith(env, "inspect", name);
    expect(status).toBe(1);
    expect(stderr).toContain(
      `the user name or password for ${host}, from docker-credential-sloppy, is not accepted: log in again`,
    );
  });

  it("is a saved login that has ended", async () => {
    const { host, name } = await registryWith(["amd64"], {
      auth: { kind: "bearer", users: { me: "right" } },
    });
    const identity = { auths: { [host]: { identitytoken: SECRETS.identityToken } } };
    work.write("config.json", JSON.stringify(identity));
    expect((await failed("inspect", name))[1]).toMatch(
      /answered 40[01]; the saved login for \S+, from \S+, is not accepted: log in again \(docker login /,
    );
  });

  it("is none at all where the registry wants one", async () => {
    const { host, name } = await registryWith(["amd64"], {
      auth: { kind: "basic", users: { me: "right" } },
    });
    expect(await failed("inspect", name)).toEqual([
      "no basic auth credentials",
      `not logged in to ${host}: put its credentials into docker's config.json (docker login does), or into DOCKER_AUTH_CONFIG`,
    ]);
  });
});

describe("the wrong protocol", () => {
  const ANY = "0.0.0.0";

  it("--plain-http against TLS says so, and what to leave out", async () => {
    const { host, name } = await registryWith(["amd64"], { speaks: "tls" });
    expect((await failed("inspect", "--plain-http", name))[0]).toMatch(
      new RegExp(`^${host} speaks TLS, and not plain HTTP; leave out --plain-http \\(GET http://${host}/`),
    );
    const push = ["imagetools", "create", "--plain-http", "-t", `${name}-new`, `${name}-amd64`];
    expect((await failed(...push))[0]).toContain("leave out --plain-http");
  });

  it("--plain-http against a server that answers in the place of TLS says so", async () => {
    const { host, name } = await registryWith(["amd64"], { speaks: "h2" });
    expect((await failed("inspect", "--plain-http", name))[0]).toContain(`${host} speaks TLS`);
  });

  it("a 400 that plain HTTP has nothing to do with stays what it is", async () => {
    const { name } = await registryWith([], { intercept: (_, response) => answer(response, 400) });
    expect((await failed("inspect", "--plain-http", name))[0]).toBe(`no such manifest: ${name}`);
  });

  it("TLS against plain HTTP names the flag", async () => {
    const { name } = await registryWith(["amd64"], { address: ANY });
    expect((await failed("inspect", name))[0]).toMatch(/speaks plain HTTP; pass --insecure to allow it/);
    await work.out("inspect", "--insecure", `${name}-amd64`);
  });
});

describe("a certificate that is not accepted", () => {
  it.each<[what: string, name: KeyedName, trusted: boolean, message: RegExp]>([
    [
      "of an unknown CA",
      "server",
      false,
      /not trusted \(.*\); name its CA by --ca-file or in certs\.d, or pass --insecure/,
    ],
    ["that has ended", "expired", true, /not trusted \(.*expired.*\); have it renewed, or pass --insecure/],
    [
      "for another name",
      "other",
      true,
      /for another name \(.*\); use a name that is in it, or pass --insecure/,
    ],
  ])("%s says so, and what to do", async (_, certificate, isTrusted, message) => {
    const { name, host } = await registryWith(["amd64"], {
      speaks: "tls",
      certificate,
      address: "127.0.0.1",
    });
    const flags = isTrusted ? ["--ca-file", certificateFile("ca")] : [];
    // A loopback name with a certificate of one's own speaks TLS.
    mkdirSync(work.path(".config", "docker", "certs.d", host), { recursive: true });
    const [first] = await failed("inspect", ...flags, `${name}-amd64`);
    expect(first).toMatch(message);
    await work.out("inspect", "--insecure", `${name}-amd64`);
  });
});
