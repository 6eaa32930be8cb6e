// zod's compiled fast path needs `unsafe-eval`, which the content security policy refuses. Imported wherever schemas are.
import { z } from "zod";

z.config({ jitless: true });
