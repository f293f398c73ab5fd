// natsnode/testing: servers that live as long as a test, time that a test moves, and links that a test breaks.

export type { StartOptions } from "../library/settings.js";
export {
  type LinkOptions,
  type SimulatedHost,
  type SimulatedRuntime,
  SimulationError,
  simulatedRuntime,
} from "../runtime/simulated/index.js";
export { type CuttingProxy, cuttingProxy, type SlowLink } from "./cutting-proxy.js";
export { type FakeClock, fakeClock } from "./fake-clock.js";
export type { TestScope } from "./scope.js";
export { serverPerTest, startTestServer, type TestHooks } from "./test-server.js";
