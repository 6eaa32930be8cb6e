import "./a-circle-closed.ts";
