/** AFFINITY, as those see it who keep something in memory; on either transport (`TEST_TRANSPORT`). */

import { SOCKET_IO, testThroughChanges } from "./affinity_cases.ts";

testThroughChanges(SOCKET_IO);
