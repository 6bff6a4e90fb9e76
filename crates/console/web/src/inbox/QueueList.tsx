import { lazy, Suspense, useState, type ReactNode } from "react";
import { Link } from "wouter";

import { useT } from "../i18n/i18n";
import { reconnect } from "../live/sync";
import { placePath, type Place } from "../store/place";
import { counts, rows } from "../store/queues";
import { useStore } from "../store/store";
import { ProblemLine } from "../ui/Problem";
import { TWO_PANES, useMediaQuery } from "../ui/useMediaQuery";
import { useMinute } from "../ui/useMinute";
import { ConversationList } from "./ConversationList";
import { rememberedOrder, rememberOrder } from "./order";
import { OrderMenu } from "./OrderMenu";
import { QueueChips } from "./QueueChips";
import { SkeletonRows } from "./SkeletonRows";

const WithQueries = lazy(() => import("../queries"));
const DoneList = lazy(() => import("./DoneList"));

interface QueueListProps {
  place: Place;
  openId: number | null;
}

/** The list of a queue: from the store, or in pages for closed conversations. */
export function QueueList({ place, openId }: QueueListProps) {
  const hasRail = useMediaQuery(TWO_PANES);
  const chips = hasRail ? null : <QueueChips place={place} />;
  if (place.queue === "done") {
    return (
      <Suspense fallback={<SkeletonRows />}>
        <WithQueries>
          <DoneList openId={openId} above={chips} />
        </WithQueries>
      </Suspense>
    );
  }
  return <LiveList key={placePath(place)} place={place} openId={openId} above={chips} />;
}

function LiveList({ place, openId, above }: QueueListProps & { above: ReactNode }) {
  const t = useT();
  const { queue, department } = place;
  const [chosen, setChosen] = useState(() => rememberedOrder(queue));
  const order = queue === "snoozed" ? "wakes" : chosen;
  const now = useMinute(order === "window");
  const conversations = useStore((state) => rows(state, queue, department ?? undefined, order, now));
  const isLoading = useStore((state) => state.cursor === null);
  const problem = useStore((state) => state.problem);
  const unassigned = useStore((state) => counts(state).unassigned.rows);
  const departmentName = useStore((state) => state.directory.departments.find(({ id }) => id === department)?.name);
  const hasWindow = useStore((state) => state.directory.hotel.whatsapp_phone_number_id !== null);
  return (
    <ConversationList
      place={place}
      title={departmentName ?? t(`frame.queue.${queue}`)}
      conversations={conversations}
      openId={openId}
      isLoading={isLoading}
      above={
        <>
          {above}
          {problem && <ProblemLine detail={problem.detail} requestId={problem.requestId} onRetry={reconnect} />}
        </>
      }
      controls={
        queue !== "snoozed" && (
          <OrderMenu
            order={chosen}
            hasWindow={hasWindow}
            onChange={(next) => {
              setChosen(next);
              rememberOrder(queue, next);
            }}
          />
        )
      }
      empty={
        <>
          <p>{t(queue === "snoozed" ? "inbox.empty_snoozed" : "inbox.empty")}</p>
          {queue !== "unassigned" && unassigned > 0 && (
            <Link href={placePath({ queue: "unassigned", department: null })}>
              {t("inbox.unassigned_link", { count: unassigned })}
            </Link>
          )}
        </>
      }
    />
  );
}
