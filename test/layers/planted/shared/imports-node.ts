// breaks: no-node-in-the-browser
import "node:fs";
