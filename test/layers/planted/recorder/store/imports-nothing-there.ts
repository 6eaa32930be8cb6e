// breaks: resolvable
import "./not-there.ts";
