import { ManifestError } from "../../errors.js";
import { formatReference } from "../../oci/reference.js";
import type { Registry } from "../../registry/api.js";
import { RegistryError } from "../../registry/http/registryError.js";
import { describe } from "./describe.js";
import type { Settings } from "./execute.js";
import { putPatiently } from "./patience.js";
import type { PushPlan } from "./plan.js";

/** The last step: puts the list under its tag, which is what moves the tag. */
export async function putList(plan: PushPlan, target: Registry, options: Settings): Promise<void> {
  const { list } = plan;
  try {
    await putPatiently(
      () => target.putManifest(plan.target.path, list.reference, list.mediaType, list.body),
      options,
    );
  } catch (error) {
    if (isImmutableTag(error)) await checkImmutable(plan, target, error);
    else throw describe(`failed to put manifest ${formatReference(plan.target)}`, error);
  }
}

/** A tag that may not be moved is fine when it is where it should be. */
async function checkImmutable(plan: PushPlan, target: Registry, refusal: RegistryError): Promise<void> {
  const { list } = plan;
  const what = `failed to put manifest ${formatReference(plan.target)}`;
  const there = await target.getManifest(plan.target.path, list.reference).catch(() => undefined);
  if (there?.digest === list.digest) return;
  if (there === undefined) throw describe(what, refusal);
  throw new ManifestError("MANIFEST_NOT_PUSHED", `${what}: ${refusal.message}`, {
    cause: refusal,
    hint: `the tag is immutable and stays at ${there.digest}; push under another tag`,
  });
}

/** Quay: 409; Harbor: 412; ECR: a 400 whose code or text says so. */
function isImmutableTag(error: unknown): error is RegistryError {
  if (!(error instanceof RegistryError)) return false;
  if (error.status === 409 || error.status === 412) return true;
  return error.status < 500 && /immutable|ImageTagAlreadyExists|tag invalid/i.test(error.message);
}
