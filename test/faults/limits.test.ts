import { limits } from "./cases/limits.js";
import { playConcern } from "./faultCase.js";

playConcern(limits);
