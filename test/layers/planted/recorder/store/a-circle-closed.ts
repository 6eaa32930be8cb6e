// breaks: no-cycles
import "./a-circle.ts";
