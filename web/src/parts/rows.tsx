/**
 * A long list of rows of one height, of which only those in sight exist. The page scrolls, not the
 * list; arrow keys go from row to row, also to those that do not exist yet.
 */
import {
  type KeyboardEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";

interface RowsProps<T> {
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string | number;
  /** One row; whatever can be focused in it comes first. */
  readonly render: (item: T) => ReactNode;
  /** Name of the custom property that holds a row's height, so that phones may have another. */
  readonly heightVar: string;
  readonly label: string;
}

/** Rows beyond each edge of the window. */
const SPARE = 6;

interface Range {
  readonly first: number;
  readonly end: number;
}

export function Rows<T>({ items, keyOf, render, heightVar, label }: RowsProps<T>) {
  const list = useRef<HTMLUListElement>(null);
  const [height, setHeight] = useState(56);
  const [range, setRange] = useState<Range>({ first: 0, end: 24 });
  const [focusAt, setFocusAt] = useState<number | null>(null);

  const look = useCallback(() => {
    const element = list.current;
    if (element === null) return;
    const rowHeight =
      Number.parseFloat(getComputedStyle(element).getPropertyValue(heightVar)) || 56;
    setHeight(rowHeight);
    const { top } = element.getBoundingClientRect();
    const first = Math.max(0, Math.floor(-top / rowHeight) - SPARE);
    const end = Math.max(first, Math.ceil((innerHeight - top) / rowHeight) + SPARE);
    setRange((before) => (before.first === first && before.end === end ? before : { first, end }));
  }, [heightVar]);

  useLayoutEffect(look);
  useEffect(() => {
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [look]);

  useLayoutEffect(() => {
    if (focusAt === null) return;
    const row = list.current?.querySelector<HTMLElement>(`[data-row="${focusAt}"]`);
    if (row === null || row === undefined) {
      const top = list.current?.getBoundingClientRect().top ?? 0;
      scrollBy(0, top + focusAt * height - innerHeight / 2);
      return;
    }
    row.querySelector<HTMLElement>("a, button")?.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    setFocusAt(null);
  }, [focusAt, range, height]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-row]");
    const at = row === null ? null : nextRow(event.key, Number(row.dataset["row"]), items.length);
    if (at === null) return;
    event.preventDefault();
    setFocusAt(at);
  };

  const shown = items.slice(range.first, range.end);
  return (
    // Arrow keys go from row to row; what they reach are the rows' own links.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <ul
      className="rows"
      aria-label={label}
      ref={list}
      style={{ height: items.length * height }}
      onKeyDown={onKeyDown}
    >
      {shown.map((item, index) => (
        <li
          className="row"
          key={keyOf(item)}
          data-row={range.first + index}
          aria-setsize={items.length}
          aria-posinset={range.first + index + 1}
          style={{ transform: `translateY(${(range.first + index) * height}px)`, height }}
        >
          {render(item)}
        </li>
      ))}
    </ul>
  );
}

/** Where an arrow leads; null for other keys. Pure. */
export function nextRow(key: string, at: number, count: number): number | null {
  const to =
    key === "ArrowDown"
      ? at + 1
      : key === "ArrowUp"
        ? at - 1
        : key === "Home"
          ? 0
          : key === "End"
            ? count - 1
            : null;
  return to === null ? null : Math.min(count - 1, Math.max(0, to));
}
