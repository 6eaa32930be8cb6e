// Who follows which recording as it is written: the segment workers' pieces and closed segments, to one listener a session.
// Fed by WorkerLink. Invariant: a listener hears of its own feed alone, in the order of writing, and its end once.
import type { FeedListener, FeedPiece } from "../../shared/live/feed.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";

interface Following {
  feed: number;
  listener: FeedListener;
}

export class LiveFeeds {
  readonly #following = new Map<string, Following>();
  #nextFeed = 0;

  get sessions(): Iterable<string> {
    return this.#following.keys();
  }

  get size(): number {
    return this.#following.size;
  }

  isCurrent(session: string, feed: number): boolean {
    return this.#following.get(session)?.feed === feed;
  }

  /** Answers the feed's number, for the worker. */
  begin(session: string, listener: FeedListener): number {
    const feed = this.#nextFeed++;
    this.#following.set(session, { feed, listener });
    return feed;
  }

  /** The number that it goes on with: what is on its way under the old one is nobody's. Null: it is over. */
  renew(session: string, feed: number): number | null {
    const following = this.#following.get(session);
    if (following?.feed !== feed) return null;
    following.feed = this.#nextFeed++;
    return following.feed;
  }

  /** False: another feed of the session has begun since, or it has ended. */
  stop(session: string, feed: number): boolean {
    if (!this.isCurrent(session, feed)) return false;
    return this.#following.delete(session);
  }

  fed(session: string, feed: number, pieces: readonly FeedPiece[]): void {
    const following = this.#following.get(session);
    if (following?.feed === feed) following.listener.pieces(pieces);
  }

  segment(session: string, meta: SegmentMeta): void {
    this.#following.get(session)?.listener.segment(meta);
  }

  end(session: string, why: "sealed" | "failed"): void {
    const following = this.#following.get(session);
    this.#following.delete(session);
    following?.listener.ended(why);
  }
}
