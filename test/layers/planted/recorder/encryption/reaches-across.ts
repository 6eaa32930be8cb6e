// breaks: layer-recorder-encryption
import "../../../../../recorder/store/codec.ts";
