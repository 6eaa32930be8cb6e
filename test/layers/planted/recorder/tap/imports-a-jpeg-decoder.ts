// breaks: owner-of-cornerstonejs
import "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs";
