// breaks: layer-replay-ui
import "../../../../recorder/store/keys.ts";

export const planted = <p title="a .tsx file must be read as one">planted</p>;
