import { mounting } from "./cases/mounting.js";
import { playConcern } from "./faultCase.js";

playConcern(mounting);
