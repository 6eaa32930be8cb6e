// breaks: only-the-cli-imports-main nothing-imports-the-cli
import "../../../../../recorder/main.ts";
import "../../../../../recorder/cli/main.ts";
