// breaks: layer-recorder-screen
import "../../../../../recorder/store/codec.ts";
