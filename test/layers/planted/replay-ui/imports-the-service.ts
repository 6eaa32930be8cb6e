// breaks: layer-replay-ui
import "../../../../recorder/store/keys.ts";
