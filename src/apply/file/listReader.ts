import { stat } from "node:fs/promises";
import { readBounded, readFault } from "../../docker/readBounded.js";
import { parsePlace, type Place } from "../../content/place.js";
import { parseSourceText } from "../../content/sourceText.js";
import { ManifestError, systemCode } from "../../errors.js";
import { parseDuration } from "../../go/duration.js";
import type { ListAnnotation } from "../../list/annotationFlags.js";
import { isDigest } from "../../oci/digest.js";
import { isMediaType } from "../../oci/mediaTypes.js";
import type { Platform } from "../../oci/platform.js";
import { platformKey } from "../../oci/platformMatcher.js";
import { formatPlatformAll } from "../../oci/platformName.js";
import { isTag, parseReference } from "../../oci/reference.js";
import type { ListOrder, OrderSource } from "../order.js";
import type { FileOrder } from "./fileOrder.js";
import { pathIn, placeIn, sourceIn } from "./filePaths.js";
import { nodeAt, type FileNode } from "./nodes.js";
import { platformEntries, readPlatform } from "./platforms.js";
import type { InputFile } from "./readInputs.js";
import type { DefaultsEntry, DescriptorEntry, ListRest, PlatformEntry, SourceEntry } from "./schema.js";
import { filledText, shownText, writtenBeside, type FilledTexts } from "./shownText.js";
import { fillTemplate, templateFault } from "./template.js";
import { isVariable, outsideVariables } from "./variables.js";

/** A list as its schema has it becomes an order: what its texts mean is read here, and what is wrong with them told. */

type Path = readonly PropertyKey[];

/** What a list may leave to `defaults`, read. */
export interface ListSettings {
  readonly platforms?: readonly Platform[] | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly type?: ListOrder["type"] | undefined;
  readonly expect?: readonly string[] | undefined;
  readonly strict?: boolean | undefined;
  readonly attestations?: ListOrder["attestations"] | undefined;
  readonly referrers?: boolean | undefined;
  readonly subject?: string | undefined;
  readonly artifactType?: string | undefined;
  readonly onto?: ListOrder["onto"] | undefined;
  readonly preferIndex?: boolean | undefined;
  readonly verify?: NonNullable<FileOrder["verify"]> | undefined;
  readonly wait?: number | undefined;
  readonly retries?: number | undefined;
}

/** A name that a list gets, and where the file says so. */
export interface NamedTarget {
  readonly place: Place;
  readonly offset: number;
}

export interface ListRead {
  /** Undefined where something is wrong with it. */
  readonly order: ListOrder | undefined;
  readonly names: readonly NamedTarget[];
  /** Where each of its `from` is. */
  readonly fromOffsets: readonly number[];
  readonly settings: ListSettings;
}

/** As much as the largest manifest. */
const MAX_SOURCE_FILE = 4 * 1024 * 1024;

const ONTO = { replace: "nothing", append: "append", merge: "merge" } as const;
const REFERENCE = "write it as registry.example/team/app:v1";
const FROM =
  "name a folder of files that are called by digests, or a file of docker buildx build --metadata-file";
const SOURCE_FILE = "name a file with a reference, a digest or a descriptor in it";
const MAX_TAG = 128;

/** Reads the values of one mapping, and tells what is wrong with them. */
export class ListReader {
  readonly #node: FileNode;
  readonly #input: InputFile;
  readonly #filled: FilledTexts;
  readonly #onFault: (offset: number, message: string) => void;
  #isGood = true;

  constructor(
    node: FileNode,
    input: InputFile,
    filled: FilledTexts,
    onFault: (offset: number, message: string) => void,
  ) {
    this.#node = node;
    this.#input = input;
    this.#filled = filled;
    this.#onFault = onFault;
  }

  settings(entry: DefaultsEntry): ListSettings {
    const { platforms, annotations, type, expect, attestations, existing, verify, wait, retries } = entry;
    const { subject, artifactType } = entry;
    return withoutUndefined({
      platforms: platforms === undefined ? undefined : this.#platforms(platforms, ["platforms"]),
      annotations,
      type,
      expect: expect === undefined ? undefined : this.#platforms(expect, ["expect"]).map(formatPlatformAll),
      strict: flagOf(entry.strict),
      attestations,
      referrers: flagOf(entry.referrers),
      subject: subject === undefined ? undefined : this.#subject(subject),
      artifactType: artifactType === undefined ? undefined : this.#artifactType(artifactType),
      onto: existing && ONTO[existing],
      preferIndex: flagOf(entry.preferIndex),
      verify: verify && (verify === "true" ? "manifests" : verify === "false" ? "none" : verify),
      wait: wait === undefined ? undefined : this.#wait(wait),
      retries: retries === undefined ? undefined : Number(retries),
    });
  }

  /**
   * Reads a list.
   * @param entry all of it, or what its schema has left of it: what is wrong with that is told as well
   */
  async list(entry: ListRest, defaults: ListSettings): Promise<ListRead> {
    const own = this.settings(entry);
    const all = { ...defaults, ...own };
    const names = this.#names(entry.target, entry.tags ?? []);
    for (const key of ["subject", "artifactType"] as const) {
      if (all.type === "docker" && all[key] !== undefined) this.#fault([key], `${key}: ${NO_ROOM}`);
    }
    const annotations = { ...defaults.annotations, ...own.annotations };
    const sources =
      entry.template === undefined
        ? await this.#sources(entry.sources ?? [])
        : this.#templated(entry.template, entry.sources === undefined, all.platforms ?? []);
    const order: ListOrder = {
      targets: names.map(({ place }) => place),
      sources: sources.sources,
      from: sources.from,
      platforms: entry.template === undefined ? (all.platforms ?? []) : [],
      annotations: Object.entries(annotations).map(([key, value]) => indexAnnotation(key, value)),
      onto: all.onto ?? "nothing",
      attestations: all.attestations ?? "keep",
      type: all.type ?? "auto",
      preferIndex: all.preferIndex ?? true,
      expect: own.expect ?? sources.expect ?? defaults.expect ?? [],
      strict: all.strict ?? false,
      referrers: all.referrers ?? false,
      ...(all.subject !== undefined && { subject: all.subject }),
      ...(all.artifactType !== undefined && { artifactType: all.artifactType }),
    };
    return {
      order: this.#isGood ? order : undefined,
      names,
      fromOffsets: sources.fromOffsets,
      settings: all,
    };
  }

  /** The name of a list, and its other names: tags of the same repository, or whole references. */
  #names(target: string | undefined, tags: readonly string[]): NamedTarget[] {
    const first = target === undefined ? undefined : this.#target(target, ["target"]);
    const names = tags.map((text, index): NamedTarget | undefined => {
      const path = ["tags", index];
      const written = this.#written(text, path) ?? text;
      if (isWholeName(text, written)) return this.#target(text, path);
      if (!isTag(text)) {
        const wayOut = NO_TAG.test(text) ? wholeNameWayOut(written) : tagWayOut(text);
        this.#fault(path, `${this.#shown(text, path)} is not a tag: ${wayOut}`);
        return undefined;
      }
      if (first === undefined) return undefined;
      return { place: { ...first.place, tag: text, digest: undefined }, offset: this.#offset(path) };
    });
    return [first, ...names].filter((name) => name !== undefined);
  }

  #target(text: string, path: Path): NamedTarget | undefined {
    const place = this.#try(path, text, REFERENCE, () => parsePlace(text));
    if (place === undefined) return undefined;
    if (place.digest !== undefined) {
      this.#fault(
        path,
        `${this.#shown(text, path)} has a digest, and a list is named by a tag: ${REFERENCE}`,
      );
      return undefined;
    }
    return { place: placeIn(this.#input, place), offset: this.#offset(path) };
  }

  async #sources(entries: readonly (SourceEntry | undefined)[]): Promise<SourcesRead> {
    const sources: OrderSource[] = [];
    const from: string[] = [];
    const fromOffsets: number[] = [];
    for (const [index, entry] of entries.entries()) {
      if (entry === undefined) continue;
      const path = ["sources", index];
      if (typeof entry !== "string" && "from" in entry) {
        from.push(await this.#from(entry.from, [...path, "from"]));
        fromOffsets.push(this.#offset([...path, "from"]));
        continue;
      }
      const source =
        typeof entry !== "string" && "file" in entry
          ? await this.#sourceFile(entry.file, [...path, "file"])
          : this.#source(entry, path);
      if (source !== undefined) sources.push(source);
    }
    return { sources, from, fromOffsets };
  }

  /** What is in it is read later, with that of all other lists. */
  async #from(text: string, path: Path): Promise<string> {
    const from = pathIn(this.#input, text);
    try {
      await stat(from);
    } catch (error) {
      const reason = systemCode(error) === "ENOENT" ? "no such file or folder" : readFault(error);
      this.#fault(path, `${this.#shown(text, path)}: ${reason}: ${FROM}`);
    }
    return from;
  }

  #source(
    entry: Exclude<SourceEntry, { from: string } | { file: string }>,
    path: Path,
  ): OrderSource | undefined {
    if (typeof entry === "string") return this.#sourceText(entry, path);
    if ("descriptor" in entry) return this.#descriptor(entry.descriptor, [...path, "descriptor"]);
    const source = this.#sourceText(entry.image, [...path, "image"]);
    const { platform, annotations } = entry;
    const read = platform === undefined ? undefined : this.#platform(platform, [...path, "platform"]);
    if (source === undefined || (read === undefined && annotations === undefined)) return source;
    const says = { ...(read && { platform: read }), ...(annotations && { annotations }) };
    return { ...source, says };
  }

  /** @param shown what to call it in messages */
  #sourceText(text: string, path: Path, shown = text): OrderSource | undefined {
    const source = this.#try(path, shown, REFERENCE, () => parseSourceText(text));
    return source && { text, source: sourceIn(this.#input, source) };
  }

  async #sourceFile(file: string, path: Path): Promise<OrderSource | undefined> {
    let text: string;
    try {
      text = (await readBounded(pathIn(this.#input, file), MAX_SOURCE_FILE)).toString("utf8").trim();
    } catch (error) {
      this.#fault(path, `${this.#shown(file, path)}: ${readFault(error)}: ${SOURCE_FILE}`);
      return undefined;
    }
    return this.#sourceText(text, path, file);
  }

  #descriptor(entry: DescriptorEntry, path: Path): OrderSource | undefined {
    const { platform, size, ...rest } = entry;
    const read = platform === undefined ? undefined : this.#platform(platform, [...path, "platform"]);
    const json = JSON.stringify(
      withoutUndefined({ ...rest, size: size === undefined ? undefined : Number(size), platform: read }),
    );
    const source = this.#try(path, json, "a digest is sha256: and 64 hex digits", () =>
      parseSourceText(json),
    );
    return source && { text: json, source };
  }

  #templated(template: string, isAlone: boolean, platforms: readonly Platform[]): SourcesRead {
    const nothing = { sources: [], from: [], fromOffsets: [] };
    if (!isAlone) {
      this.#fault(["template"], "sources and template: choose one of them");
      return nothing;
    }
    const fault = templateFault(template);
    if (fault !== undefined) {
      this.#fault(["template"], fault);
      return nothing;
    }
    if (platforms.length === 0) {
      if (this.#isGood)
        this.#fault(["template"], "a template needs platforms: write platforms: [linux/amd64, linux/arm64]");
      return nothing;
    }
    const platformOf = new Map<string, Platform>();
    const sources = platforms.map((platform): OrderSource | undefined => {
      const { os, architecture: arch, variant } = platform;
      const text = fillTemplate(template, { os, arch, variant });
      const other = platformOf.get(text);
      if (other !== undefined) {
        const both = `${formatPlatformAll(other)} and ${formatPlatformAll(platform)}`;
        this.#fault(
          ["template"],
          `${both} get the same image, ${this.#shown(text, ["template"])}: use {os}, {arch} or {variant} for what differs`,
        );
        return undefined;
      }
      platformOf.set(text, platform);
      const source = this.#sourceText(text, ["template"]);
      return (
        source && { text: source.text, source: source.source, says: { platform }, isPlatformChecked: true }
      );
    });
    return {
      sources: sources.filter((source) => source !== undefined),
      from: [],
      fromOffsets: [],
      expect: platforms.map(formatPlatformAll),
    };
  }

  #platforms(given: string | readonly PlatformEntry[], path: Path): Platform[] {
    const seen = new Set<string>();
    return platformEntries(given).flatMap(({ entry, path: more }) => {
      const platform = this.#platform(entry, [...path, ...more]);
      if (platform === undefined) return [];
      const key = platformKey(platform);
      if (seen.has(key)) {
        this.#fault([...path, ...more], `${key} is here twice: leave one of them out`);
        return [];
      }
      seen.add(key);
      return [platform];
    });
  }

  #platform(entry: PlatformEntry, path: Path): Platform | undefined {
    const text = typeof entry === "string" ? entry : undefined;
    return this.#try(path, text, "write it as linux/amd64", () => readPlatform(entry));
  }

  #subject(text: string): string {
    if (!isDigest(text)) this.#try(["subject"], text, REFERENCE, () => parseReference(text));
    return text;
  }

  #artifactType(text: string): string {
    if (!isMediaType(text)) {
      this.#fault(
        ["artifactType"],
        `${this.#shown(text, ["artifactType"])} is not a media type: write it as application/vnd.example.thing`,
      );
    }
    return text;
  }

  #wait(text: string): number | undefined {
    return this.#try(["wait"], text, "write it as 30s or 2m", () => waitOf(text));
  }

  /**
   * What a text says; undefined where it cannot be read, which is told.
   * @param text undefined for a value in parts, which the message itself has to show
   * @param otherwise the way out where the error has none
   */
  #try<Value>(path: Path, text: string | undefined, otherwise: string, read: () => Value): Value | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      const { hint = otherwise } = error;
      this.#fault(path, `${this.#faultOf(error, path, text)}: ${hint}`);
      return undefined;
    }
  }

  /** What is wrong, with what it is wrong with, once. */
  #faultOf(error: ManifestError, path: Path, text: string | undefined): string {
    let inner = error;
    while (inner.cause instanceof ManifestError) inner = inner.cause;
    const { message } = inner;
    if (text === undefined || nodeAt(this.#node, path).kind !== "text") return message;
    if (!message.includes(text)) return `${this.#shown(text, path)}: ${message}`;
    return message + writtenBeside(text, this.#written(text, path));
  }

  /** A text that was read, with what is written in its place if that is something else. */
  #shown(text: string, path: Path): string {
    return shownText(text, this.#written(text, path));
  }

  #written(text: string, path: Path): string | undefined {
    const node = nodeAt(this.#node, path);
    if (node.kind !== "text" || node.text === undefined) return undefined;
    // One of several in a text, as it is written there.
    const isPart = filledText(node, this.#filled) === node.text && node.text.includes(text);
    return isPart ? text : node.text;
  }

  #offset(path: Path): number {
    return nodeAt(this.#node, path).offset;
  }

  #fault(path: Path, message: string): void {
    this.#isGood = false;
    this.#onFault(this.#offset(path), message);
  }
}

interface SourcesRead {
  readonly sources: readonly OrderSource[];
  readonly from: readonly string[];
  readonly fromOffsets: readonly number[];
  /** The platforms that it is made for, where they are known. */
  readonly expect?: readonly string[];
}

const NO_ROOM = "docker's manifest list has no room for that: write type: oci";

export function indexAnnotation(key: string, value: string): ListAnnotation {
  return { type: "index", platform: undefined, key, value };
}

/** What only a whole reference has. */
const NO_TAG = /[:/@]/;
const REGISTRY = /^(?:[^/]*[.:][^/]*|localhost)\//;

/**
 * Is another name of a list a whole reference? What is written says so, and not what a variable brings in: the branch
 * `feature/foo` for a tag would be the name of somebody's repository on Docker Hub. Of a text that is one variable nothing
 * else is known: it has to name its registry.
 */
function isWholeName(text: string, written: string): boolean {
  return NO_TAG.test(outsideVariables(written)) || (isVariable(written) && REGISTRY.test(text));
}

/** What to do about a tag that a variable has made something else of. */
function wholeNameWayOut(written: string): string {
  const variable = isVariable(written) ? ", or let the variable begin with a registry" : "";
  return `set the variable to letters, digits and _ . -; for a whole reference, write registry.example/app:\${TAG}${variable}`;
}

/** What to do about a text that is no tag. */
function tagWayOut(text: string): string {
  if (text !== text.trim()) return "leave out the white space around it";
  if (/^[.-]/.test(text)) return "it cannot begin with . or -";
  return text.length > MAX_TAG && /^[\w.-]+$/.test(text)
    ? `a tag has at most ${MAX_TAG} characters`
    : "a tag has only letters, digits and _ . -";
}

/** @throws USAGE for what is no time, or less than none */
function waitOf(text: string): number {
  let ms: number;
  try {
    ms = parseDuration(text);
  } catch {
    throw new ManifestError("USAGE", /^[+-]?[\d.]+$/.test(text) ? "the unit is missing" : "not a time");
  }
  if (ms < 0) throw new ManifestError("USAGE", "a wait cannot be negative");
  return ms;
}

function flagOf(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text.toLowerCase() === "true";
}

/** The same without what is undefined, so that it can be laid over what holds otherwise. */
function withoutUndefined<Values extends object>(values: Values): Partial<Values> {
  const kept: Partial<Values> = { ...values };
  for (const key in kept) if (kept[key] === undefined) Reflect.deleteProperty(kept, key);
  return kept;
}
