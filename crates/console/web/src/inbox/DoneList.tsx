import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, type ReactNode } from "react";

import { listClosed } from "../api/calls";
import { ApiError } from "../api/problem";
import type { Conversation } from "../api/types";
import { useT } from "../i18n/i18n";
import { rows } from "../store/queues";
import { dispatch, useStore } from "../store/store";
import { isWaiting } from "../store/waiting";
import { sentenceOf } from "../ui/failure";
import { ProblemLine } from "../ui/Problem";
import { ConversationList, MoreButton } from "./ConversationList";

const PLACE = { queue: "done", department: null } as const;

/** The list of closed conversations: pages of the REST API, newest first, and those closed since. */
export default function DoneList({ openId, above }: { openId: number | null; above: ReactNode }) {
  const t = useT();
  const query = useInfiniteQuery({
    queryKey: ["closed"],
    queryFn: ({ pageParam }) => listClosed({ page: pageParam }),
    initialPageParam: 1,
    getNextPageParam: (last, all) => (last.next === null ? undefined : all.length + 1),
  });
  const { data } = query;

  // Merged into the store, whose events keep the loaded conversations up to date.
  useEffect(() => {
    const conversations = data?.pages.at(-1)?.results;
    if (conversations) dispatch({ type: "conversations", conversations, seq: null });
  }, [data]);

  // A guest can wait here too, after a check-out; such a conversation is first, however old it is.
  const live = useStore((state) => rows(state, "done", undefined, "waiting"));
  const end = useMemo(() => oldestOf(data?.pages.flatMap(({ results }) => results) ?? []), [data]);
  const hasMore = query.hasNextPage;
  const conversations = useMemo(() => (hasMore && end ? live.filter((each) => isWaiting(each) || each.updated_at >= end) : live), [live, end, hasMore]);

  return (
    <ConversationList
      place={PLACE}
      title={t("frame.queue.done")}
      conversations={conversations}
      openId={openId}
      isLoading={query.isPending}
      above={
        <>
          {above}
          {query.error && (
            <ProblemLine
              detail={sentenceOf(query.error, t)}
              requestId={query.error instanceof ApiError ? query.error.problem.requestId : null}
              onRetry={() => void query.refetch()}
            />
          )}
        </>
      }
      empty={<p>{t("inbox.empty_done")}</p>}
      below={hasMore && <MoreButton onPress={() => void query.fetchNextPage()} />}
    />
  );
}

/**
 * Returns the oldest loaded time. Older conversations in the store are hidden, because there would be gaps between
 * them.
 */
function oldestOf(conversations: readonly Conversation[]): string | null {
  return conversations.reduce<string | null>((oldest, { updated_at: at }) => (oldest === null || at < oldest ? at : oldest), null);
}
