// breaks: shared-imports-zod-only owner-of-pino
import "pino";
