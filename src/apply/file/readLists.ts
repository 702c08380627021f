import { resolve } from "node:path";
import type * as z from "zod/mini";
import { formatPlace, nameKey, type Place } from "../../content/place.js";
import { Faults } from "./faults.js";
import { formatFilePlace, type FileOrder, type FilePlace } from "./fileOrder.js";
import type { FileText } from "./fileText.js";
import { ListReader, type ListRead, type ListSettings } from "./listReader.js";
import type { FileNode, MapNode } from "./nodes.js";
import { findInputs, readInput, type InputFile } from "./readInputs.js";
import { readYaml, type ListsDocument } from "./readYaml.js";
import { keysOfFile, keysOfList, ListEntry, ListRest, ListsFile } from "./schema.js";
import { schemaFaults } from "./schemaFaults.js";
import type { FilledTexts } from "./shownText.js";
import { isSpecFile, specAsList, specType } from "./specFile.js";
import { recordOf, valueOf } from "./values.js";
import { fillIn, type Variables } from "./variables.js";

/** What reading needs of the outside world. */
export interface ReadListsOptions {
  /** What `${VAR}` is filled in from. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard input, for `-`: read at most once. */
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** What relative paths on the command line and on standard input are relative to; the current folder unless given. */
  readonly cwd?: string;
  /** Told of what is odd and no error: a line with its place. */
  readonly onWarning?: (text: string) => void;
  /** Aborts the wait for what is piped in. */
  readonly signal?: AbortSignal;
}

/** With their variables filled in, the texts of a file may be as many times larger. */
const MAX_FILLED = 64 * 1024 * 1024;
/** One for all: there may be a hundred thousand lists. */
const NOTHING: readonly never[] = [];
/** Keys at the top that mean nothing by themselves: their anchors do. */
const EXTENSION = "x-";

/**
 * Reads files of lists: YAML or JSON, folders of such files, and `-` for standard input. All is checked that can be without
 * a request, over all files: that no two lists have the same name, too.
 * @param paths what was given to `-f`, in that order
 * @throws INVALID_FILE, whose message has a line `FILE:LINE:COLUMN: what is wrong: the way out` for each fault
 * @example
 * const orders = await readLists(["lists.yaml"], { env: process.env, stdin: () => process.stdin });
 */
export async function readLists(
  paths: readonly string[],
  { env, stdin, cwd = "", onWarning = () => undefined, signal }: ReadListsOptions,
): Promise<readonly FileOrder[]> {
  const faults = new Faults();
  const orders: FileOrder[] = [];
  const names = new Names(faults);
  for (const input of await findInputs(paths, { stdin, cwd: resolve(cwd) }, faults)) {
    const file = await readInput(input, faults, signal);
    if (file === undefined) continue;
    const reader = new FileReader({ input, file, env, faults, names, onWarning });
    orders.push(...(await reader.orders()));
  }
  faults.throwIfAny();
  return orders;
}

/** The names of all lists. Two lists of one name would overwrite each other. */
class Names {
  readonly #faults: Faults;
  readonly #named = new Map<string, { readonly at: FilePlace; readonly list: number }>();

  #lists = 0;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** Takes note of the names of a list. */
  add({ names }: ListRead, file: FileText): void {
    const list = ++this.#lists;
    for (const { place, offset } of names) {
      const at = file.placeOf(offset);
      const key = nameKey(place);
      const other = this.#named.get(key);
      if (other === undefined) {
        this.#named.set(key, { at, list });
        continue;
      }
      const name = formatPlace({ ...place, tag: tagOf(place) });
      const fault =
        other.list === list
          ? `${name} is a name of this list already: leave it out`
          : `${name} is also a name of the list at ${formatFilePlace(other.at)}: rename one of them`;
      this.#faults.add(at, fault);
    }
  }
}

/** What a spec file leaves open of a platform, manifest-tool takes from the image. */
function withOpenPlatforms(list: FileOrder): FileOrder {
  const sources = list.order.sources.map((source) => ({ ...source, isPlatformOpen: true as const }));
  return { ...list, order: { ...list.order, sources } };
}

function tagOf({ tag = "latest" }: Place): string {
  return tag;
}

interface FileContext {
  readonly input: InputFile;
  readonly file: FileText;
  readonly env: ReadListsOptions["env"];
  readonly faults: Faults;
  readonly names: Names;
  readonly onWarning: (text: string) => void;
}

/** Reads one file, document by document and list by list, so that what is read and done is not kept. */
class FileReader {
  readonly #context: FileContext;
  readonly #variables: Variables;
  /** Where variables of the part at hand have faults. */
  #badTexts = new Set<number>();
  /** What became of the texts of that part that have variables. */
  #filledTexts = new Map<number, string>();
  #filledLength = 0;

  constructor(context: FileContext) {
    const { env } = context;
    this.#context = context;
    this.#variables = (name) => (Object.hasOwn(env, name) ? env[name] : undefined);
  }

  async orders(): Promise<FileOrder[]> {
    const { file, faults } = this.#context;
    const orders: FileOrder[] = [];
    let isEmpty = faults.isEmpty;
    for (const document of readYaml(file, faults)) {
      isEmpty = false;
      for await (const order of this.#document(document)) orders.push(order);
    }
    if (isEmpty && faults.isEmpty) {
      faults.addFile(file.file, "there is nothing in it: a file of lists begins with version: 1");
    }
    return orders;
  }

  async *#document({ top, lists }: ListsDocument): AsyncGenerator<FileOrder> {
    if (top.kind !== "map") {
      this.#fault(top.offset, "a file of lists is a mapping: it begins with version: 1");
    } else if (isSpecFile(top)) {
      const node = specAsList(top, (offset, message) => {
        const { file, onWarning } = this.#context;
        onWarning(`${formatFilePlace(file.placeOf(offset))}: ${message}`);
      });
      for await (const order of this.#list(node, { type: specType(node) })) yield withOpenPlatforms(order);
    } else yield* this.#lists(top, lists);
  }

  async *#lists(top: MapNode, lists: Iterable<FileNode> | undefined): AsyncGenerator<FileOrder> {
    const defaults = this.#top(top, lists !== undefined);
    const there = top.pairs.get("lists")?.value;
    let isEmpty = true;
    for (const node of lists ?? (there?.kind === "items" ? there.items : [])) {
      isEmpty = false;
      yield* this.#list(node, defaults);
    }
    const isSequence = lists !== undefined || there?.kind === "items";
    if (isEmpty && isSequence && this.#context.faults.isEmpty) {
      this.#fault(there?.offset ?? top.offset, "there are no lists: write each after a dash");
    }
  }

  /** Checks all but the lists, and reads what holds for all of them. */
  #top(top: MapNode, isApart: boolean): ListSettings {
    const pairs = [...top.pairs].filter(([key]) => !key.startsWith(EXTENSION));
    const node = { ...top, pairs: new Map(pairs) };
    const rest = { ...node, pairs: new Map(pairs.filter(([key]) => key !== "lists")) };
    const there = node.pairs.get("lists")?.value;
    const lists = isApart || there?.kind === "items" ? [] : there && valueOf(there, (text) => text);
    const value = { ...this.#values(rest), ...(lists !== undefined && { lists }) };
    const parsed = this.#parse(ListsFile, value, node, keysOfFile);
    const defaults = rest.pairs.get("defaults")?.value;
    return defaults === undefined || parsed?.defaults === undefined
      ? {}
      : this.#reader(defaults).settings(parsed.defaults);
  }

  async *#list(node: FileNode, defaults: ListSettings): AsyncGenerator<FileOrder> {
    if (node.kind !== "map") {
      this.#parse(
        ListEntry,
        valueOf(node, (text) => text),
        node,
        keysOfList,
      );
      return;
    }
    const value = this.#values(node);
    const entry = this.#parse(ListEntry, value, node, keysOfList);
    if (entry !== undefined && entry.sources === undefined && entry.template === undefined) {
      this.#fault(node.offset, "no images: write sources, or template and platforms");
    }
    const { file, names } = this.#context;
    const read = await this.#reader(node).list(entry ?? this.#rest(value), defaults);
    names.add(read, file);
    if (entry === undefined || read.order === undefined) return;
    const { retries, verify, wait } = read.settings;
    yield {
      order: read.order,
      at: file.placeOf(read.names[0]?.offset ?? node.offset),
      fromAt:
        read.fromOffsets.length === 0 ? NOTHING : read.fromOffsets.map((offset) => file.placeOf(offset)),
      ...(retries !== undefined && { retries }),
      ...(verify !== undefined && { verify }),
      ...(wait !== undefined && { wait }),
    };
  }

  /** The values of a mapping with its variables filled in. */
  #values(node: MapNode): Record<string, unknown> {
    this.#badTexts = new Set();
    this.#filledTexts = new Map();
    return recordOf(node, (text, offset) => {
      const filled = fillIn(text, this.#variables, (message) => {
        this.#badTexts.add(offset);
        this.#fault(offset, message);
      });
      const isFirst = this.#filledLength <= MAX_FILLED;
      this.#filledLength += filled.length;
      if (this.#filledLength <= MAX_FILLED) {
        if (filled !== text) this.#filledTexts.set(offset, filled);
        return filled;
      }
      this.#badTexts.add(offset);
      if (isFirst) this.#fault(offset, "with its variables filled in, the file is larger than 64 MiB");
      return "";
    });
  }

  /** What a schema makes of a value; undefined, and told, where something is wrong with it. */
  #parse<Schema extends z.ZodMiniType>(
    schema: Schema,
    value: unknown,
    node: FileNode,
    keysOf: (path: readonly PropertyKey[]) => readonly string[],
  ): z.infer<Schema> | undefined {
    const parsed = schema.safeParse(value);
    if (parsed.success) return this.#badTexts.size === 0 ? parsed.data : undefined;
    for (const { offset, message } of schemaFaults(parsed.error.issues, node, keysOf, this.#filledTexts)) {
      if (!this.#badTexts.has(offset)) this.#fault(offset, message);
    }
    return undefined;
  }

  /** The valid parts of a list that has faults, so that more faults of it can be found. */
  #rest(value: Readonly<Record<string, unknown>>): ListRest {
    const rest = new Map(Object.entries(value));
    const whole = ListRest.safeParse(value);
    for (const issue of whole.error?.issues ?? []) {
      const [key, index] = issue.path;
      const bad = issue.code === "unrecognized_keys" && key === undefined ? issue.keys : [String(key)];
      const sources = rest.get("sources");
      if (key === "sources" && typeof index === "number" && Array.isArray(sources)) {
        const left: readonly unknown[] = sources;
        rest.set("sources", left.with(index, undefined));
      } else for (const one of bad) rest.delete(one);
    }
    return ListRest.safeParse(Object.fromEntries(rest)).data ?? {};
  }

  #reader(node: FileNode): ListReader {
    const badTexts = this.#badTexts;
    const filled: FilledTexts = this.#filledTexts;
    return new ListReader(node, this.#context.input, filled, (offset, message) => {
      // Of a text whose variable is missing no more can be said.
      if (!badTexts.has(offset)) this.#fault(offset, message);
    });
  }

  #fault(offset: number, message: string): void {
    const { file, faults } = this.#context;
    faults.add(file.placeOf(offset), message);
  }
}
