import { AlarmClock, Bot, CircleCheck, Inbox, MessagesSquare, UserRound } from "lucide-react";
import type { ReactNode } from "react";
import { useLocation } from "wouter";

import { useT } from "../i18n/i18n";
import { parsePlace, placePath, type Place } from "../store/place";
import { counts, isAnyoneWaiting, NO_ROWS, type Count, type Queue } from "../store/queues";
import { useStore } from "../store/store";
import { QueueCount } from "../ui/QueueCount";
import { useMinute } from "../ui/useMinute";
import styles from "./Frame.module.css";
import { RailLink } from "./RailLink";

const ICONS: Record<Queue, ReactNode> = {
  mine: <UserRound size={18} aria-hidden />,
  unassigned: <Inbox size={18} aria-hidden />,
  with_us: <MessagesSquare size={18} aria-hidden />,
  assistant: <Bot size={18} aria-hidden />,
  snoozed: <AlarmClock size={18} aria-hidden />,
  done: <CircleCheck size={18} aria-hidden />,
};

/**
 * The links to the queues with their counts. Below "With us" one link per department, if the staff member sees several.
 */
export function QueueLinks() {
  const t = useT();
  const counted = useStore(counts);
  const isLoaded = useStore((state) => state.cursor !== null);
  const departments = useStore((state) => state.directory.departments);
  const me = useStore((state) => state.me);
  const current = useCurrentPlace();
  const now = useMinute(useStore(isAnyoneWaiting));
  const own = new Set(me.departments.map(({ id }) => id));
  const visible = departments.filter(
    ({ id, active }) => (active && (me.role === "manager" || own.has(id))) || counted.departments.has(id),
  );

  function countOf({ rows, waiting, nextDue }: Count, hasTotal = true) {
    return isLoaded && <QueueCount total={hasTotal ? rows : null} waiting={waiting} isOverdue={nextDue <= now} />;
  }

  function link(queue: Queue, count: Count) {
    return (
      <RailLink
        href={placePath({ queue, department: null })}
        icon={ICONS[queue]}
        name={t(`frame.queue.${queue}`)}
        isCurrent={current?.queue === queue && current.department === null}
        count={countOf(count, queue !== "done")}
      />
    );
  }

  return (
    <nav className={styles["nav"]} aria-label={t("frame.queues")}>
      {link("mine", counted.mine)}
      {link("unassigned", counted.unassigned)}
      {link("with_us", counted.with_us)}
      {visible.length > 1 &&
        visible.map(({ id, name }) => {
          const count = counted.departments.get(id) ?? NO_ROWS;
          return (
            <RailLink
              key={id}
              kind="department"
              href={placePath({ queue: "with_us", department: id })}
              name={name}
              isCurrent={current?.department === id}
              count={countOf(count)}
            />
          );
        })}
      {link("assistant", counted.assistant)}
      {link("snoozed", counted.snoozed)}
      {link("done", counted.done)}
    </nav>
  );
}

export function useCurrentPlace(): Place | null {
  const [path] = useLocation();
  const [, screen, segment] = path.split("/");
  return screen === "inbox" && segment !== undefined ? parsePlace(segment) : null;
}
