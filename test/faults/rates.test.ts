import { rates } from "./cases/rates.js";
import { playConcern } from "./faultCase.js";

playConcern(rates);
