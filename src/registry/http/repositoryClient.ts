import { isDigest } from "../../oci/digest.js";
import type { Location } from "../../oci/location.js";
import { formatReference } from "../../oci/reference.js";
import type { HttpRequest, Send } from "./message.js";

/** What the operations on one repository of a registry need. */
export interface RepositoryClient {
  readonly location: Extract<Location, { kind: "registry" }>;
  /** All layers below. */
  readonly send: Send;
  /** `https://host/v2/<repository>/<path>` */
  url(path: string): URL;
  /** What a request needs in order to be allowed; `source` is another repository of the registry that it reads. */
  auth(action: "pull" | "push", source?: string): Pick<HttpRequest, "auth">;
  /** The user allowed plain HTTP. */
  readonly allowPlainHttp: boolean;
}

/** The full name of a manifest, `registry.example/team/app:v1`; `reference` is a tag or a digest. */
export function nameOf({ location: { domain, path } }: RepositoryClient, reference: string): string {
  return formatReference({
    domain,
    path,
    ...(isDigest(reference) ? { digest: reference } : { tag: reference }),
  });
}
