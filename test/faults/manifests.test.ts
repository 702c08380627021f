import { manifests } from "./cases/manifests.js";
import { playConcern } from "./faultCase.js";

playConcern(manifests);
