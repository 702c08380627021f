import { describe, expect, it } from "vitest";
import { ManifestError } from "../../src/errors.js";
import { descriptor, type Descriptor } from "../../src/oci/descriptor.js";
import { encodeEntry, type Entry } from "../../src/list/entry.js";
import { parseImageManifest } from "../../src/oci/manifest.js";
import { showEntries, showEntry, showList, showManifest } from "../../src/list/inspect.js";
import { encodeList, listItem, listMediaType } from "../../src/push/old/list.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { locationOf } from "../../src/oci/location.js";
import { NO_PLATFORM, type Platform } from "../../src/oci/platform.js";
import { parseReference } from "../../src/oci/reference.js";

const DIGEST = `sha256:${"a".repeat(64)}`;

function item(platform: Partial<Platform> | undefined, mediaType = DOCKER_MANIFEST): Descriptor {
  const plain = descriptor(mediaType, DIGEST, 528);
  return platform === undefined ? plain : { ...plain, platform: { ...NO_PLATFORM, ...platform } };
}

describe("a list's bytes", () => {
  it("are docker's: three spaces, its own order of fields, no newline at the end", () => {
    const windows = {
      os: "windows",
      architecture: "amd64",
      "os.version": "10.0.1",
      "os.features": ["win32k", "<"],
    };
    const list = encodeList([item({ os: "linux", architecture: "arm", variant: "v7" }), item(windows)]);
    expect(list.toString()).toBe(`{
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
   "manifests": [
      {
         "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
         "size": 528,
         "digest": "${DIGEST}",
         "platform": {
            "architecture": "arm",
            "os": "linux",
            "variant": "v7"
         }
      },
      {
         "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
         "size": 528,
         "digest": "${DIGEST}",
         "platform": {
            "architecture": "amd64",
            "os": "windows",
            "os.version": "10.0.1",
            "os.features": [
               "win32k",
               "\\u003c"
            ]
         }
      }
   ]
}`);
  });

  it("have an empty platform where there is none, and no annotations", () => {
    const annotated = { ...item(undefined), annotations: { a: "b" } };
    expect(encodeList([annotated]).toString()).toContain(
      '"platform": {\n            "architecture": "",\n            "os": ""\n         }\n      }\n   ]\n}',
    );
  });

  it("of no entries are a docker list of nothing", () => {
    expect(showList([]).toString()).toBe(
      `{\n   "schemaVersion": 2,\n   "mediaType": "${DOCKER_LIST}",\n   "manifests": []\n}\n`,
    );
  });

  it("are an OCI index if the first entry is OCI's, whatever follows", () => {
    expect(listMediaType([item({}, OCI_MANIFEST), item({})])).toBe(OCI_INDEX);
    expect(listMediaType([item({}), item({}, OCI_MANIFEST)])).toBe(DOCKER_LIST);
  });
});

describe("what a list says of an entry", () => {
  const entry: Entry = {
    ref: parseReference("r.example/a:v1"),
    source: locationOf(parseReference("r.example/a:v1")),
    descriptor: item({ os: "linux", architecture: "amd64" }),
    raw: undefined,
    manifest: undefined,
  };

  it("is refused for another registry, unless that is wanted", () => {
    expect(() => listItem(entry, "s.example")).toThrow(
      new ManifestError(
        "INVALID_DIGEST",
        "cannot use source images from a different registry than the target image: r.example != s.example",
      ),
    );
    expect(listItem(entry, "s.example", true)).toBe(entry.descriptor);
  });

  it("needs a digest", () => {
    const bad = { ...entry, descriptor: descriptor(DOCKER_MANIFEST, "sha256:12", 1) };
    expect(() => listItem(bad, "r.example")).toThrow(
      new ManifestError(
        "INVALID_DIGEST",
        'digest parse of image "r.example/a:v1" failed: invalid checksum digest length',
      ),
    );
  });
});

describe("an entry's bytes", () => {
  const bytes = Buffer.from(
    `{\n  "mediaType": "${OCI_MANIFEST}", "x": "<\u00fc>", "layers": [ ],\n "config": {}\n}\n`,
  );
  const compact = `{"mediaType":"${OCI_MANIFEST}","x":"\\u003c\u00fc\\u003e","layers":[],"config":{}}`;
  const entry: Entry = {
    ref: parseReference("localhost/a"),
    source: locationOf(parseReference("localhost/a")),
    descriptor: {
      ...item({ os: "linux", architecture: "amd64" }, OCI_MANIFEST),
      urls: ["https://a/?b&c"],
      annotations: { "\ud83d\ude80": "3", "\uffff": "2", a: "1" },
      data: Buffer.from("abc"),
      artifactType: "a/b",
    },
    raw: bytes,
    manifest: parseImageManifest(OCI_MANIFEST, bytes),
  };

  it("are one line in docker's order, with the registry's own JSON compacted", () => {
    expect(encodeEntry(entry).toString()).toBe(
      '{"Ref":"localhost/a:latest",' +
        `"Descriptor":{"mediaType":"${OCI_MANIFEST}","digest":"${DIGEST}","size":528,` +
        '"urls":["https://a/?b\\u0026c"],"annotations":{"a":"1","\uffff":"2","\ud83d\ude80":"3"},"data":"YWJj",' +
        '"platform":{"architecture":"amd64","os":"linux"},"artifactType":"a/b"},' +
        `"Raw":"${bytes.toString("base64")}","OCIManifest":${compact}}`,
    );
  });

  it("have no Raw and no manifest where there is none", () => {
    const old: Entry = { ...entry, descriptor: item(undefined), raw: undefined, manifest: undefined };
    expect(encodeEntry(old).toString()).toBe(
      `{"Ref":"localhost/a:latest","Descriptor":{"mediaType":"${DOCKER_MANIFEST}","digest":"${DIGEST}","size":528}}`,
    );
  });

  it("are what inspect shows, indented by tabs", () => {
    const old: Entry = { ...entry, descriptor: item(undefined), raw: undefined, manifest: undefined };
    const shown = `{\n\t"Ref": "localhost/a:latest",\n\t"Descriptor": {\n\t\t"mediaType": "${DOCKER_MANIFEST}",\n\t\t"digest": "${DIGEST}",\n\t\t"size": 528\n\t}\n}`;
    expect(showEntry(old).toString()).toBe(`${shown}\n`);
    expect(showEntries([old, old]).toString()).toBe(
      `[\n\t${shown.replaceAll("\n", "\n\t")},\n\t${shown.replaceAll("\n", "\n\t")}\n]\n`,
    );
    expect(showEntries([]).toString()).toBe("[]\n");
    expect(showManifest(Buffer.from('{"a":"<"}')).toString()).toBe('{\n\t"a": "<"\n}\n');
  });

  it("keep bytes that are no UTF-8", () => {
    const odd = Buffer.concat([
      Buffer.from('{"config":{},"x":"'),
      Buffer.from([0xff, 0xc3]),
      Buffer.from('"}'),
    ]);
    const encoded = encodeEntry({ ...entry, raw: odd, manifest: parseImageManifest(OCI_MANIFEST, odd) });
    expect(encoded.subarray(-odd.length - 1)).toEqual(Buffer.concat([odd, Buffer.from("}")]));
  });
});
