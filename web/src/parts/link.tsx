import type { MouseEvent, ReactNode } from "react";
import { goTo } from "../live/route.ts";

interface LinkProps {
  readonly to: string;
  readonly children: ReactNode;
  readonly className?: string;
  readonly current?: boolean;
  readonly label?: string;
}

/** A link within the dashboard: the browser's own in every way but that the page stays. */
export function Link({ to, children, className, current, label }: LinkProps) {
  const onClick = (event: MouseEvent): void => {
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (!isPlain) return;
    event.preventDefault();
    goTo(to);
  };
  return (
    <a
      href={to}
      onClick={onClick}
      {...(className === undefined ? {} : { className })}
      {...(current === true ? { "aria-current": "page" as const } : {})}
      {...(label === undefined ? {} : { "aria-label": label })}
    >
      {children}
    </a>
  );
}
