import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";

import { Bidi } from "../ui/Bidi";
import styles from "./Frame.module.css";

interface RailLinkProps {
  href: string;
  icon?: ReactNode;
  name: string;
  count?: ReactNode;
  /** Replaces the comparison of `href` with the path, for links that are also current on the pages below. */
  isCurrent?: boolean;
  kind?: "department" | "tab";
}

/** A link of the rail or the tab bar, marked as current while its page is shown. */
export function RailLink({ href, icon, name, count, isCurrent, kind }: RailLinkProps) {
  const [path] = useLocation();
  const current = isCurrent ?? path === href;
  const className = [styles["link"], kind && styles[kind]].filter(Boolean).join(" ");
  return (
    <Link href={href} className={className} aria-current={current ? "page" : undefined}>
      {icon}
      <Bidi className={styles["linkName"]}>{name}</Bidi>
      {count && <span className={styles["count"]}>{count}</span>}
    </Link>
  );
}
