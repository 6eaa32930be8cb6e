// breaks: owner-of-sharp
import "sharp";
