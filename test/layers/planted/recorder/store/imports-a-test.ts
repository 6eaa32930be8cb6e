// breaks: nothing-imports-tests-or-scripts
import "../../../../../test/support/wait-for.ts";
