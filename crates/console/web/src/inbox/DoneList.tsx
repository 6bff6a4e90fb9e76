import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, type ReactNode } from "react";

import { listClosed } from "../api/calls";
import { ApiError } from "../api/problem";
import type { Conversation } from "../api/types";
import { useT } from "../i18n/i18n";
import { rows } from "../store/queues";
import { dispatch, useStore } from "../store/store";
import { sentenceOf } from "../ui/failure";
import { ProblemLine } from "../ui/Problem";
import { ConversationList, MoreButton } from "./ConversationList";

const PLACE = { queue: "done", department: null } as const;

/** What is done: fetched in pages, newest first, together with what was closed since. */
export default function DoneList({ openId, above }: { openId: number | null; above: ReactNode }) {
  const t = useT();
  const query = useInfiniteQuery({
    queryKey: ["closed"],
    queryFn: ({ pageParam }) => listClosed({ page: pageParam }),
    initialPageParam: 1,
    getNextPageParam: (last, all) => (last.next === null ? undefined : all.length + 1),
  });
  const { data } = query;

  // Opened and reopened ones are then known to the live state, which has the newer word on them.
  useEffect(() => {
    const conversations = data?.pages.at(-1)?.results;
    if (conversations) dispatch({ type: "conversations", conversations, seq: null });
  }, [data]);

  const live = useStore((state) => rows(state, "done"));
  const end = useMemo(() => oldestOf(data?.pages.flatMap(({ results }) => results) ?? []), [data]);
  const hasMore = query.hasNextPage;
  const conversations = useMemo(() => (hasMore && end ? live.filter((each) => each.updated_at >= end) : live), [live, end, hasMore]);

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

/** Older ones that the live state happens to know would leave gaps in the list. */
function oldestOf(conversations: readonly Conversation[]): string | null {
  return conversations.reduce<string | null>((oldest, { updated_at: at }) => (oldest === null || at < oldest ? at : oldest), null);
}
