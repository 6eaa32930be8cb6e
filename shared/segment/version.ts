/** Of the lines in stored segments (shared/events/stored.ts). Apart, so that a reader needs no schema library for it. */
export const SEGMENT_VERSION = 1;
