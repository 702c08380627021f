import { chmod, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import {
  createCredentials,
  type CredentialOptions,
  type CredentialsFor,
} from "../../src/docker/credentials.js";

/** In every secret of these tests; looked for in every warning. */
const CANARY = "canary-secret";
const HOST = "r.example:5000";
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const fileAuths = { [HOST]: { auth: base64(`file-user:${CANARY}`) } };
const fromFile = { kind: "basic", username: "file-user", password: CANARY };
const fromHelper = { kind: "basic", username: "helper-user", password: CANARY };

const warnings: string[] = [];

afterEach(() => {
  expect(warnings.splice(0).join("\n")).not.toContain(CANARY);
});

/** What the helpers of these tests do; each is a shell script, and logs the key that it was asked for. */
const HELPERS = {
  good: `printf '{"ServerURL":"%s","Username":"helper-user","Secret":"${CANARY}"}\\n' "$key"`,
  token: `echo '{"Username":"<token>","Secret":"${CANARY}"}'`,
  chatty: `echo '{"username":"helper-user","SECRET":"${CANARY}"} and more'`,
  none: "echo 'credentials not found in native keychain'; exit 1",
  nobody: "echo '{}'",
  garbage: `echo '${CANARY}'`,
  wrong: `echo '{"Username":5,"Secret":"${CANARY}"}'`,
  broken: `echo '${CANARY}'; echo '${CANARY}' >&2; exit 3`,
  killed: "kill -9 $$",
  deaf: `exec <&-; echo '{"Username":"helper-user","Secret":"${CANARY}"}'`,
  slow: "sleep 30",
  endless: `while :; do echo '${CANARY}${CANARY}${CANARY}${CANARY}${CANARY}${CANARY}${CANARY}${CANARY}'; done`,
  osxkeychain: `echo '{"Username":"helper-user","Secret":"${CANARY}"}'`,
  secretservice: "exit 9",
};

interface Setup {
  readonly ask: CredentialsFor;
  /** Where they come from, without the folder. */
  readonly originOf: (host: string) => Promise<string | undefined>;
  /** The keys that helpers were asked for, a line each: `name key`. */
  readonly asked: () => Promise<string[]>;
}

async function setup(config: unknown, changes: Partial<CredentialOptions> = {}): Promise<Setup> {
  const folder = await mkdtemp(path.join(tmpdir(), "credentials-"));
  const bin = path.join(folder, "bin");
  const log = path.join(folder, "log");
  await mkdir(bin);
  await writeFile(log, "");
  for (const [name, script] of Object.entries(HELPERS)) {
    const file = path.join(bin, `docker-credential-${name}`);
    const listen = name === "deaf" ? "" : `key=$(cat); echo "${name} $1 $key" >>'${log}'\n`;
    await writeFile(file, `#!/bin/sh\n${listen}${script}\n`);
    await chmod(file, 0o755);
  }
  await writeFile(path.join(folder, "config.json"), JSON.stringify(config));
  const { env, ...others } = changes;
  const find = createCredentials({
    env: { DOCKER_CONFIG: folder, PATH: `.:${bin}:/usr/bin:/bin`, ...env },
    home: folder,
    platform: "linux",
    warn: (message) => warnings.push(message),
    ...others,
  });
  const ask: CredentialsFor = async (...question) => {
    const found = await find(...question);
    if (found === undefined) return undefined;
    const credentials = { ...found };
    Reflect.deleteProperty(credentials, "origin");
    return credentials;
  };
  const originOf = async (host: string) => (await find(host))?.origin?.replace(`${folder}/`, "");
  return { ask, originOf, asked: async () => (await readFile(log, "utf8")).split("\n").filter(Boolean) };
}

describe("credentials", () => {
  test("come from the file where there is no helper", async () => {
    const { ask, asked } = await setup({ auths: fileAuths });
    expect(await ask(HOST)).toEqual(fromFile);
    expect(await ask("other.example")).toBeUndefined();
    expect(await asked()).toEqual([]);
  });

  test("come from the registry's own helper before the one for all", async () => {
    const { ask, asked } = await setup({
      credHelpers: { [HOST]: "good" },
      credsStore: "none",
      auths: fileAuths,
    });
    expect(await ask(HOST)).toEqual(fromHelper);
    expect(await ask("other.example")).toBeUndefined();
    expect(await asked()).toEqual([`good get ${HOST}`, "none get other.example"]);
  });

  test("come from DOCKER_AUTH_CONFIG before everything, and no helper is run", async () => {
    const text = JSON.stringify({ auths: { [HOST]: { auth: base64(`env-user:${CANARY}`) } } });
    const { ask, asked } = await setup({ credsStore: "good" }, { env: { DOCKER_AUTH_CONFIG: text } });
    expect(await ask(HOST)).toEqual({ kind: "basic", username: "env-user", password: CANARY });
    expect(await asked()).toEqual([]);
    expect(await ask("other.example")).toEqual(fromHelper);
  });

  test("say where they come from", async () => {
    const text = JSON.stringify({ auths: { "env.example": { auth: base64(`env-user:${CANARY}`) } } });
    const { originOf } = await setup(
      { credHelpers: { "helped.example": "good" }, auths: fileAuths },
      { env: { DOCKER_AUTH_CONFIG: text } },
    );
    expect(await originOf("env.example")).toBe("DOCKER_AUTH_CONFIG");
    expect(await originOf("helped.example")).toBe("docker-credential-good");
    expect(await originOf(HOST)).toBe("config.json");
    expect(await originOf("other.example")).toBeUndefined();
  });

  test("of Docker Hub are kept under its old address", async () => {
    const { ask, asked } = await setup({ credsStore: "good" });
    expect(await ask("docker.io")).toEqual(fromHelper);
    expect(await asked()).toEqual(["good get https://index.docker.io/v1/"]);
  });

  test("are asked for once, whoever asks at the same time", async () => {
    const { ask, asked } = await setup({ credsStore: "good" });
    expect(await Promise.all([ask(HOST), ask(HOST), ask(HOST)])).toEqual([
      fromHelper,
      fromHelper,
      fromHelper,
    ]);
    expect(await ask(HOST)).toEqual(fromHelper);
    expect(await asked()).toHaveLength(1);
  });

  test("are not looked for before anybody asks", async () => {
    await setup("{ broken", { env: { DOCKER_AUTH_CONFIG: "broken" } });
    expect(warnings).toEqual([]);
  });

  test("may be an identity token", async () => {
    const { ask } = await setup({ credsStore: "token" });
    expect(await ask(HOST)).toEqual({ kind: "identityToken", token: CANARY });
  });

  test.each(["chatty", "deaf"])("come from a helper that is %s", async (credsStore) => {
    const { ask } = await setup({ credsStore });
    expect(await ask(HOST)).toEqual(fromHelper);
    expect(warnings).toEqual([]);
  });

  test.each(["none", "nobody"])(
    "are not looked for elsewhere when the helper knows %s",
    async (credsStore) => {
      const { ask } = await setup({ credsStore, auths: fileAuths });
      expect(await ask(HOST)).toBeUndefined();
      expect(warnings).toEqual([]);
    },
  );

  test("come from the file when the registry's helper is the empty one", async () => {
    const { ask } = await setup({ credHelpers: { [HOST]: "" }, credsStore: "good", auths: fileAuths });
    expect(await ask(HOST)).toEqual(fromFile);
  });
});

describe("a helper that fails is a warning that names it, and the file has its turn", () => {
  const rows: [string, RegExp][] = [
    ["absent", /docker-credential-absent is not on the PATH$/],
    [
      "broken",
      /docker-credential-broken failed \(exit status 3\); to see why: echo r\.example:5000 \| docker-cred/,
    ],
    ["killed", /docker-credential-killed failed \(killed by SIGKILL\)/],
    ["garbage", /docker-credential-garbage did not print what a helper prints$/],
    ["wrong", /docker-credential-wrong did not print what a helper prints$/],
    ["slow", /docker-credential-slow failed \(no answer within 0\.5 s\)/],
    ["endless", /docker-credential-endless failed \(more than 1048576 bytes of output\)/],
    ["../good", /"\.\.\/good" is no name for a helper$/],
    ["good; id", /"good; id" is no name for a helper$/],
  ];
  test.each(rows)("%s", async (credsStore, expected) => {
    const helperTimeoutMs = credsStore === "slow" ? 500 : 20_000;
    const { ask } = await setup({ credsStore, auths: fileAuths }, { helperTimeoutMs });
    expect(await ask(HOST)).toEqual(fromFile);
    expect(await ask(HOST)).toEqual(fromFile);
    expect(warnings).toEqual([expect.stringMatching(expected)]);
    expect(warnings[0]).toMatch(/^no credentials for r\.example:5000 from the credential helper: /);
  });

  test("a program that cannot be started", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "helper-"));
    const file = path.join(folder, "docker-credential-odd");
    await writeFile(file, "#!/nowhere/interpreter\n");
    await chmod(file, 0o755);
    const { ask } = await setup({ credsStore: "odd" }, { env: { PATH: folder } });
    expect(await ask(HOST)).toBeUndefined();
    expect(warnings).toEqual([
      expect.stringContaining("docker-credential-odd failed (cannot be started: ENOENT)"),
    ]);
  });

  test("a program in a folder that the PATH names by a relative path is not run", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "helper-"));
    const ran = path.join(folder, "ran");
    const file = path.join(folder, "docker-credential-near");
    await writeFile(file, `#!/bin/sh\ntouch '${ran}'\n`);
    await chmod(file, 0o755);
    const PATH = path.relative(process.cwd(), folder);
    const { ask } = await setup({ credsStore: "near" }, { env: { PATH } });
    expect(await ask(HOST)).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/docker-credential-near is not on the PATH$/)]);
    await expect(readFile(ran)).rejects.toThrow("ENOENT");
  });

  test("an abort ends the wait, and the next question starts anew", async () => {
    const { ask, asked } = await setup({ credsStore: "slow" }, { helperTimeoutMs: 1000 });
    const abort = new AbortController();
    const answer = ask(HOST, abort.signal);
    setTimeout(() => {
      abort.abort(new Error("stopped by the user"));
    }, 100);
    await expect(answer).rejects.toThrow("stopped by the user");
    await expect(ask(HOST, abort.signal)).rejects.toThrow("stopped by the user");
    expect(await ask(HOST)).toBeUndefined();
    expect(await asked()).toContain(`slow get ${HOST}`);
    expect(warnings).toHaveLength(1);
  });
});

describe("the platform's own store", () => {
  test("is asked where nobody chose one and nothing is written down", async () => {
    const { ask } = await setup({}, { platform: "darwin" });
    expect(await ask(HOST)).toEqual(fromHelper);
  });

  test("is not asked where credentials are written down", async () => {
    const { ask, asked } = await setup({ auths: fileAuths }, { platform: "darwin" });
    expect(await ask("other.example")).toBeUndefined();
    expect(await asked()).toEqual([]);
  });

  test("may fail in silence", async () => {
    const { ask, asked } = await setup({});
    expect(await ask(HOST)).toBeUndefined();
    expect(await asked()).toEqual([`secretservice get ${HOST}`]);
    expect(warnings).toEqual([]);
  });

  test("may be missing", async () => {
    const { ask } = await setup({}, { env: { PATH: "/nowhere" } });
    expect(await ask(HOST)).toBeUndefined();
    expect(warnings).toEqual([]);
  });
});
