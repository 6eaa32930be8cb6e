// breaks: layer-recorder-search
import "../../../../../recorder/catalog/reader.ts";
