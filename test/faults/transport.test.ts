import { transport } from "./cases/transport.js";
import { playConcern } from "./faultCase.js";

playConcern(transport);
