import { parseManifest } from "../oci/manifest.js";
import { describePushed, platformsIn } from "../ui/describeEntries.js";
import { ListResult } from "../ui/listResult.js";
import { PlanReport } from "../ui/planReportSchema.js";
import { indexAnnotations } from "./annotations.js";
import { createCommandLine, inspectCommandLine, type CreateMode } from "./commandLine.js";
import { checkRegistries } from "./crossRegistry.js";
import { ensureSuccess, jsonIn } from "./failure.js";
import { imageSize, namesByDigest, sourceNames } from "./images.js";
import { listSummary, type ListToTell } from "../ui/listSummary.js";
import { setOutputs, writeSummary } from "./outputs.js";
import { runCommandLine } from "./program.js";
import { runInStep, type ActionStep } from "./step.js";

/** Of a longer list no sizes are told: each is a request. */
const MAX_SIZES = 50;

/**
 * Makes one list. What its names are is asked first: afterwards nobody knows what they were.
 * @throws what is wrong with the inputs, and how the program failed
 */
export async function createList(step: ActionStep): Promise<void> {
  const { inputs, context, log } = step;
  const { flags, notices } = indexAnnotations(inputs.annotations, inputs.labels);
  for (const text of notices) log.notice(text);
  if (!inputs.crossRegistry) await checkRegistries(inputs);

  const create = async (mode: CreateMode): Promise<Buffer> =>
    ensureSuccess(await runInStep(step, createCommandLine(inputs, flags, mode)));
  const before = PlanReport.parse(jsonIn(await create("plan")));
  const list = inputs.push
    ? pushedList(ListResult.parse(jsonIn(await create("push"))))
    : shownList(await create("show"), before);
  const image = namesByDigest(inputs.tags, list.digest);
  for (const name of image) log.line(`${name} ${LOGGED[list.status]}`);
  await setOutputs({ ...list, image }, context);
  await writeSummary(listSummary({ ...list, before, sizes: await sizesOf(list.manifests, step) }), context);
}

const LOGGED = { planned: "would be pushed", pushed: "was pushed", unchanged: "was already there" } as const;

/** A list that was pushed or only shown. */
type MadeList = Omit<ListToTell, "before" | "sizes"> & {
  readonly platforms: readonly string[];
  readonly tags: readonly string[];
  readonly document: object;
};

function pushedList(result: ListResult): MadeList {
  const { digest = "", status } = result;
  return { ...result, digest, status: status === "unchanged" ? status : "pushed", document: result };
}

/** @param printed the list's bytes, and a line end */
function shownList(printed: Buffer, plan: PlanReport): MadeList {
  const { digest, children } = parseManifest("", printed.subarray(0, -1));
  const manifests = children.map(describePushed);
  return { status: "planned", digest, manifests, platforms: platformsIn(children), tags: [], document: plan };
}

/** Of the images, as far as their manifests can be read where they go to or come from. Not knowing is no failure. */
async function sizesOf(
  manifests: ListToTell["manifests"],
  { inputs, context }: ActionStep,
): Promise<ReadonlyMap<string, number>> {
  const images = manifests.filter(({ attests }) => attests === undefined);
  const digests = [...new Set(images.map(({ digest }) => digest))];
  if (digests.length > MAX_SIZES) return new Map();
  const sizes = await Promise.all(
    digests.map(async (digest) => {
      for (const name of namesByDigest([...inputs.tags, ...sourceNames(inputs.sources)], digest)) {
        const { status, stdout } = await runCommandLine(inspectCommandLine(inputs, name), context);
        const size = status === 0 ? imageSize(stdout) : undefined;
        if (size !== undefined) return [[digest, size] as const];
      }
      return [];
    }),
  );
  return new Map(sizes.flat());
}
