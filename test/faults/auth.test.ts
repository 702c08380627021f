import { auth } from "./cases/auth.js";
import { playConcern } from "./faultCase.js";

playConcern(auth);
