// A list of any length in the cost of what is visible. Rows have one height. While `follow` is on, the current row is
// kept in view; scrolling by hand turns it off. Rows that are counted anew above what is in view do not move it.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const OVERSCAN = 8;

/** Where rows change their places while they are looked at. */
export interface Holding<Anchor> {
  anchorOf: (place: number) => Anchor | null;
  placeOf: (anchor: Anchor) => number;
}

export function VirtualList<Anchor = never>(props: {
  length: number;
  rowHeight: number;
  current: number;
  follow: boolean;
  label: string;
  testId?: string;
  holding?: Holding<Anchor>;
  onFollow: (follow: boolean) => void;
  renderRow: (place: number) => ComponentChildren;
}) {
  const { length, rowHeight, current, follow, holding } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 400 });
  const held = useRef<{ anchor: Anchor; place: number } | null>(null);

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    // Never more than a window's height: a mistake in the layout must not make it render everything.
    const measure = () => setView((old) => ({ ...old, height: Math.min(element.clientHeight, window.innerHeight) }));
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || !follow || current < 0) return;
    const top = current * rowHeight;
    const margin = Math.min(element.clientHeight * 0.3, 4 * rowHeight);
    if (top < element.scrollTop + margin || top + rowHeight > element.scrollTop + element.clientHeight - margin) {
      element.scrollTop = top - (element.clientHeight - rowHeight) / 2;
      setView((old) => ({ ...old, top: element.scrollTop }));
    }
  }, [current, follow, length, view.height]);

  const hold = (top: number) => {
    const place = Math.floor(top / rowHeight);
    const anchor = holding?.anchorOf(place) ?? null;
    held.current = anchor === null ? null : { anchor, place };
  };
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || holding === undefined || held.current === null || (follow && current >= 0)) return;
    const place = holding.placeOf(held.current.anchor);
    const moved = place - held.current.place;
    if (moved === 0) return;
    held.current.place = place;
    // By as much as its row moved: whoever scrolls may be further already.
    element.scrollTop += moved * rowHeight;
    const { scrollTop } = element;
    setView((old) => (old.top === scrollTop ? old : { ...old, top: scrollTop }));
  });

  const first = Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN);
  const last = Math.min(length, Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN);
  const rows: ComponentChildren[] = [];
  for (let place = first; place < last; place++) {
    rows.push(
      <li key={place} class="virtual-row" style={{ top: `${place * rowHeight}px`, height: `${rowHeight}px` }}>
        {props.renderRow(place)}
      </li>,
    );
  }
  const byHand = () => {
    if (follow) props.onFollow(false);
  };
  return (
    <div
      ref={scroller}
      class="virtual-list"
      data-testid={props.testId}
      onScroll={(event) => {
        const { scrollTop } = event.currentTarget;
        hold(scrollTop);
        setView((old) => ({ ...old, top: scrollTop }));
      }}
      onWheel={byHand}
      onTouchMove={byHand}
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) byHand();
      }}
    >
      <ul class="virtual-space" aria-label={props.label} style={{ height: `${length * rowHeight}px` }}>
        {rows}
      </ul>
    </div>
  );
}
