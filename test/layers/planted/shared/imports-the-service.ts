// breaks: layer-shared
import "../../../../recorder/store/keys.ts";
