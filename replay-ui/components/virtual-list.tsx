// A list of any length in the cost of what is visible. Rows have one height. While `follow` is on, the current row is
// kept in view; scrolling by hand turns it off.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const OVERSCAN = 8;

export function VirtualList(props: {
  length: number;
  rowHeight: number;
  current: number;
  follow: boolean;
  label: string;
  testId?: string;
  onFollow: (follow: boolean) => void;
  renderRow: (place: number) => ComponentChildren;
}) {
  const { length, rowHeight, current, follow } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 400 });

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
