import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { certsFolders, readRegistryCertificates, type RegistryCertificates } from "../../src/docker/certs.js";
import { readCaFile } from "../../src/docker/pem.js";
import { systemRoots } from "../../src/docker/systemRoots.js";
import { ManifestError } from "../../src/errors.js";

/** Two certificates with their keys, and the first key under a passphrase; made anew, so that none lies around. */
const pem = { cert: "", key: "", otherCert: "", otherKey: "", encryptedKey: "" };

beforeAll(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "pem-"));
  const openssl = (...args: string[]): string =>
    execFileSync("openssl", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const make = (name: string): [string, string] => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    writeFileSync(path.join(folder, name), key);
    return [openssl("req", "-x509", "-new", "-key", name, "-subj", `/CN=${name}`, "-days", "2"), key];
  };
  [pem.cert, pem.key] = make("a");
  [pem.otherCert, pem.otherKey] = make("b");
  pem.encryptedKey = openssl("pkey", "-in", "a", "-aes256", "-passout", "pass:canary-secret");
  await rm(folder, { recursive: true });
});

interface Reading extends RegistryCertificates {
  readonly warnings: readonly string[];
}

/** Reads a certs.d folder with these files (paths below it) for a registry. */
async function read(files: Record<string, string>, host = "r.example:5000"): Promise<Reading> {
  const folder = await mkdtemp(path.join(tmpdir(), "certs-"));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, "certs.d", name)), { recursive: true });
    await writeFile(path.join(folder, "certs.d", name), content);
  }
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message.replaceAll(folder, ""));
  const certificates = await readRegistryCertificates(host, [path.join(folder, "certs.d")], "linux", warn);
  expect(warnings.join()).not.toMatch(/canary-secret|BEGIN/);
  return { ...certificates, warnings };
}

const trimmed = (list: readonly string[]): string[] => list.map((text) => text.trim());

describe("the certificates of a registry", () => {
  test("are none where there is no folder", async () => {
    expect(await read({})).toEqual({ ca: [], clients: [], warnings: [] });
  });

  test("are CAs in *.crt and clients in *.cert with *.key", async () => {
    const found = await read({
      "r.example:5000/ca.crt": `a comment\n${pem.cert}${pem.otherCert}`,
      "r.example:5000/client.cert": pem.cert,
      "r.example:5000/client.key": pem.key,
      "r.example:5000/readme.txt": "nothing",
      "r.example/ca.crt": pem.cert,
    });
    expect(trimmed(found.ca)).toEqual(trimmed([pem.cert, pem.otherCert]));
    expect(found.clients).toEqual([{ cert: pem.cert.trim(), key: pem.key }]);
    expect(found.warnings).toEqual([]);
  });

  test("come from every folder there is", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "certs-"));
    for (const [base, content] of [
      ["etc", pem.cert],
      ["home", pem.otherCert],
    ] as const) {
      await mkdir(path.join(folder, base, "r.example"), { recursive: true });
      await writeFile(path.join(folder, base, "r.example", "ca.crt"), content);
    }
    const folders = [path.join(folder, "etc"), path.join(folder, "none"), path.join(folder, "home")];
    const { ca } = await readRegistryCertificates("r.example", folders, "linux", () => undefined);
    expect(trimmed(ca)).toEqual(trimmed([pem.cert, pem.otherCert]));
  });

  test("are kept without colons on Windows", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "certs-"));
    await mkdir(path.join(folder, "r.example5000"));
    await writeFile(path.join(folder, "r.example5000", "ca.crt"), pem.cert);
    const { ca } = await readRegistryCertificates("r.example:5000", [folder], "win32", () => undefined);
    expect(ca).toHaveLength(1);
  });

  const faults: [string, () => Record<string, string>, RegExp][] = [
    [
      "a certificate without its key",
      () => ({ "client.cert": pem.cert }),
      /client\.cert": missing key "client\.key" \(the certificate of a CA/,
    ],
    [
      "a key without its certificate",
      () => ({ "client.key": pem.key }),
      /client\.key": missing client certificate "client\.cert"$/,
    ],
    ["a CA that is none", () => ({ "ca.crt": "canary-secret" }), /ca\.crt": it holds no certificate$/],
    [
      "a CA with a broken certificate",
      () => ({ "ca.crt": pem.cert.replace(/\n..../, "\n****") }),
      /ca\.crt": it holds no certificate$/,
    ],
    [
      "another certificate's key",
      () => ({ "client.cert": pem.cert, "client.key": pem.otherKey }),
      /client\.cert": its key is broken/,
    ],
    [
      "a key under a passphrase",
      () => ({ "client.cert": pem.cert, "client.key": pem.encryptedKey }),
      /client\.cert": its key is broken, encrypted/,
    ],
    [
      "a key that is none",
      () => ({ "client.cert": pem.cert, "client.key": "canary-secret" }),
      /client\.cert": its key is broken/,
    ],
  ];
  test.each(faults)(
    "%s is a warning that names the file, and the rest counts",
    async (_name, files, expected) => {
      const all: Record<string, string> = { "r.example:5000/z.crt": pem.otherCert };
      for (const [name, content] of Object.entries(files())) all[`r.example:5000/${name}`] = content;
      const found = await read(all);
      expect(trimmed(found.ca)).toEqual(trimmed([pem.otherCert]));
      expect(found.clients).toEqual([]);
      expect(found.warnings).toEqual([expect.stringMatching(expected)]);
      expect(found.warnings[0]).toMatch(/^cannot use "\/certs\.d\/r\.example:5000\//);
    },
  );

  test("a file in the folder's place is a warning", async () => {
    const { warnings } = await read({ "r.example:5000": "" });
    expect(warnings).toEqual(['cannot read the certificates in "/certs.d/r.example:5000": not a directory']);
  });

  test("a file in the place of all folders is a warning, one in that of the user's home is none", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "certs-"));
    await writeFile(path.join(folder, "file"), "");
    const warnings: string[] = [];
    const warn = (message: string): void => void warnings.push(message.replaceAll(folder, "…"));
    const folders = ["file", "file/.config/docker/certs.d"].map((name) => path.join(folder, name));
    await readRegistryCertificates("r.example", folders, "linux", warn);
    expect(warnings).toEqual(['cannot read the certificates in "…/file/r.example": not a directory']);
  });

  test.skipIf(process.getuid?.() === 0)("a folder that may not be read is a warning", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "certs-"));
    await mkdir(path.join(folder, "r.example"));
    await chmod(path.join(folder, "r.example"), 0);
    const warnings: string[] = [];
    await readRegistryCertificates("r.example", [folder], "linux", (message) => warnings.push(message));
    expect(warnings).toEqual([expect.stringMatching(/permission denied$/)]);
  });

  test.each(["..", ".", "", "../etc", "a/b", "a\\b", "r.example\0", ".:."])(
    "no host leads out of the folder: %j",
    async (host) => {
      const files = {
        "ca.crt": pem.cert,
        "../ca.crt": pem.cert,
        "../etc/ca.crt": pem.cert,
        "a/b/ca.crt": pem.cert,
      };
      expect(await read(files, host)).toEqual({ ca: [], clients: [], warnings: [] });
    },
  );

  test.each([
    ["linux", {}, ["/etc/docker/certs.d", "/home/u/.config/docker/certs.d"]],
    ["linux", { XDG_CONFIG_HOME: "/x" }, ["/etc/docker/certs.d", "/x/docker/certs.d"]],
    ["darwin", {}, ["/etc/docker/certs.d", "/home/u/.config/docker/certs.d"]],
    ["win32", { PROGRAMDATA: "D:\\Data" }, ["D:\\Data\\docker\\certs.d"]],
    ["win32", {}, ["C:\\ProgramData\\docker\\certs.d"]],
  ] as const)("are in docker's folders on %s with %o", (platform, env, expected) => {
    expect(certsFolders({ platform, env, home: "/home/u" })).toEqual(expected);
  });
});

describe("a CA file that the user names", () => {
  test("is read", async () => {
    const file = path.join(await mkdtemp(path.join(tmpdir(), "ca-")), "ca.pem");
    await writeFile(file, pem.cert + pem.otherCert);
    expect(trimmed(await readCaFile(file))).toEqual(trimmed([pem.cert, pem.otherCert]));
  });

  test("is an error that names it where it cannot be", async () => {
    const file = path.join(await mkdtemp(path.join(tmpdir(), "ca-")), "ca.pem");
    await expect(readCaFile(file)).rejects.toThrow(ManifestError);
    await expect(readCaFile(file)).rejects.toThrow(`cannot use the CA file "${file}": no such file`);
    await writeFile(file, "canary-secret");
    await expect(readCaFile(file)).rejects.toThrow(
      `cannot use the CA file "${file}": it holds no certificate`,
    );
  });
});

describe("the certificates that the machine trusts", () => {
  test("are in the first bundle that there is", async () => {
    const file = path.join(await mkdtemp(path.join(tmpdir(), "roots-")), "bundle.crt");
    await writeFile(file, pem.cert);
    expect(await systemRoots({ env: {}, platform: "linux" }, ["/nowhere/bundle.crt", file])).toHaveLength(1);
  });

  test("are those of SSL_CERT_FILE where it is set", async () => {
    const file = path.join(await mkdtemp(path.join(tmpdir(), "roots-")), "bundle.crt");
    await writeFile(file, pem.cert + pem.otherCert);
    expect(await systemRoots({ env: { SSL_CERT_FILE: file }, platform: "linux" }, [])).toHaveLength(2);
    expect(await systemRoots({ env: { SSL_CERT_FILE: "/nowhere" }, platform: "linux" }, [file])).toEqual([]);
  });

  test("may be none that can be read", async () => {
    expect(Array.isArray(await systemRoots({ env: {}, platform: "win32" }))).toBe(true);
  });
});
