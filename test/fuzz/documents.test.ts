import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManifestError } from "../../src/errors.js";
import { encodeEntry, type Entry } from "../../src/list/entry.js";
import { compactJson, indentJson, memberBytes, parseJson } from "../../src/go/json.js";
import { parseManifest } from "../../src/oci/manifest.js";
import { showEntries, showEntry, showDockerList, showManifest } from "../../src/list/inspect.js";
import { parseReference } from "../../src/oci/reference.js";
import { emptyDraft } from "../../src/list/draft.js";
import { plan } from "../../src/push/plan.js";
import { requests } from "../../src/push/requests.js";
import { decodeEntry } from "../../src/store/entryFile.js";
import { escapeControls } from "../../src/ui/text.js";
import { fuzz, FUZZ_TIMEOUT_MS } from "../helpers/fuzz.js";
import { anyJson, validJson } from "../helpers/generators/jsonTexts.js";
import { contentType, entryBytes, manifestBytes } from "../helpers/generators/manifests.js";

/** What a terminal could obey; line ends and tabs are no danger. */
// eslint-disable-next-line no-control-regex -- finding control characters is the point
const DANGEROUS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

/** The result, or undefined where it was refused in the way that people can read. */
function attempt<Result>(work: () => Result, kind: typeof ManifestError = ManifestError): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
    expect(escapeControls(error.message)).not.toMatch(DANGEROUS);
    expect(error.message.length).toBeLessThan(20_000);
    return undefined;
  }
}

function untouched(): void {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect({}).not.toHaveProperty("polluted");
}

describe("any bytes", { timeout: FUZZ_TIMEOUT_MS }, () => {
  it("as JSON are read or refused", () => {
    fuzz(anyJson, (bytes) => {
      const value = attempt(() => parseJson(bytes));
      if (value !== undefined) attempt(() => indentJson(compactJson(bytes), "\t"));
      untouched();
    });
  });

  it("as a manifest are read or refused", () => {
    fuzz(fc.tuple(contentType, manifestBytes), ([type, bytes]) => {
      const manifest = attempt(() => parseManifest(type, bytes));
      if (manifest === undefined) return;
      showManifest(manifest.bytes);
      if (manifest.kind === "index") showDockerList(manifest.children);
      untouched();
    });
  });

  it("as the file of an entry are read, or refused by an error that names the file", () => {
    const target = parseReference("x.example/target:v1");
    fuzz(entryBytes, (bytes) => {
      const entry = attempt(() => decodeEntry(bytes, "/store/file").entry, ManifestError);
      if (entry === undefined) {
        expect(() => decodeEntry(bytes, "/store/file")).toThrow(/^\/store\/file: [^\n]+$/);
        return;
      }
      showEntry(entry);
      showEntries([entry, entry]);
      attempt(() => requests(plan({ ...emptyDraft(target), entries: [entry] }, { anyRegistry: true })));
      untouched();
    });
  });
});

describe("JSON as Go lays it out", { timeout: FUZZ_TIMEOUT_MS }, () => {
  const indents = fc.constantFrom("\t", "   ", "");

  it("means the same, compact or indented", () => {
    fuzz(fc.tuple(validJson, indents), ([bytes, indent]) => {
      const value = parseJson(bytes);
      expect(parseJson(compactJson(bytes))).toEqual(value);
      expect(parseJson(indentJson(bytes, indent))).toEqual(value);
    });
  });

  it("can be laid out again without a difference", () => {
    fuzz(fc.tuple(validJson, indents), ([bytes, indent]) => {
      const compact = compactJson(bytes);
      const indented = indentJson(bytes, indent);
      expect(compactJson(indented).equals(compact)).toBe(true);
      expect(compactJson(compact).equals(compact)).toBe(true);
      expect(indentJson(indented, indent).equals(indented)).toBe(true);
      expect(compact.toString("latin1")).not.toMatch(/[<>&]/);
    });
  });

  it("gives each member of an object its own bytes, the last one where there are several", () => {
    fuzz(validJson, (bytes) => {
      const value = parseJson(bytes);
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        expect(memberBytes(bytes, "a")).toBeUndefined();
        return;
      }
      const keys = Object.keys(value);
      const folded = keys.map((key) => key.toUpperCase().toLowerCase());
      for (const [at, key] of keys.entries()) {
        if (folded.indexOf(folded[at] ?? "") !== folded.lastIndexOf(folded[at] ?? "")) continue;
        const member = memberBytes(bytes, key);
        expect(member && parseJson(member)).toEqual(Object.entries(value)[at]?.[1]);
      }
    });
  });
});

it("an entry that was read is written and read again as the same", { timeout: FUZZ_TIMEOUT_MS }, () => {
  const withoutBytes = ({ manifest, ...rest }: Entry) => ({
    ...rest,
    // docker lays it out anew: other bytes, another digest, the same content.
    manifest: manifest && { ...manifest, digest: "", bytes: compactJson(manifest.bytes).toString("latin1") },
  });
  fuzz(entryBytes, (bytes) => {
    const entry = attempt(() => decodeEntry(bytes, "file").entry);
    if (entry === undefined) return;
    const written = encodeEntry(entry);
    const again = decodeEntry(written, "file").entry;
    expect(withoutBytes(again)).toEqual(withoutBytes(entry));
    expect(encodeEntry(again).equals(written)).toBe(true);
  });
});
