/** Of the lines in stored segments (shared/events/stored.ts). Apart, so that a reader needs no schema library for it. */
export const SEGMENT_VERSION = 1;
/** Of segments in which bytes follow some of the lines: a reader of version 1 would take them for damage. */
export const BYTES_SEGMENT_VERSION = 2;
